import { Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Alert } from '../api/types';
import { useProject } from '../hooks/useProject';
import { CopyIcon } from '../ui/CopyIcon';
import { Duration } from '../ui/Duration';
import { LongText } from '../ui/LongText';
import { OutLink } from '../ui/OutLink';
import { RelativeTime } from '../ui/RelativeTime';
import { isWebLink } from '../util/links';
import classes from './AlertDetails.module.css';
import { AlertLinks } from './AlertLinks';
import { AlertStatus } from './AlertStatus';
import { Labels } from './Labels';
import { SeverityBadge } from './SeverityBadge';

/** Everything that is known about one alert. */
export function AlertDetails({ alert }: { alert: Alert }) {
  const project = useProject();
  return (
    <Stack gap="md">
      <dl className={classes.facts}>
        <Fact name="Status">
          <AlertStatus status={alert.status} />
        </Fact>
        <Fact name="Severity">
          <SeverityBadge severity={alert.severity} />
        </Fact>
        <Fact name="Started">
          <RelativeTime at={alert.starts_at} />
        </Fact>
        <Fact name={alert.ends_at ? 'Lasted' : 'Firing for'}>
          <Duration from={alert.starts_at} to={alert.ends_at ?? null} />
        </Fact>
        <Fact name="Received">
          <RelativeTime at={alert.received_at} />
        </Fact>
        <Fact name="Receiver">{alert.receiver}</Fact>
        {alert.incident_id && (
          <Fact name="Incident">
            <Link to="/p/$project/incidents/$incident" params={{ project, incident: alert.incident_id }}>
              Open the incident
            </Link>
          </Fact>
        )}
        {alert.generator_url && isWebLink(alert.generator_url) && (
          <Fact name="Source">
            <OutLink href={alert.generator_url}>Open where it was evaluated</OutLink>
          </Fact>
        )}
      </dl>
      <AlertLinks alert={alert} />
      {Object.entries(alert.annotations).map(([name, text]) => (
        <section key={name}>
          <h3 className={classes.heading}>{name}</h3>
          <p className={classes.text}>
            <LongText text={text} />
          </p>
        </section>
      ))}
      <section>
        <h3 className={classes.heading}>Labels</h3>
        <Labels labels={alert.labels} />
      </section>
      <section>
        <h3 className={classes.heading}>Identity</h3>
        <dl className={classes.facts}>
          <Fact name="Fingerprint">
            <span className="mono">{alert.fingerprint}</span> <CopyIcon value={alert.fingerprint} label="Copy the fingerprint" />
          </Fact>
          <Fact name="Group">
            <span className="mono">{alert.group_key}</span> <CopyIcon value={alert.group_key} label="Copy the group" />
          </Fact>
        </dl>
      </section>
    </Stack>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
