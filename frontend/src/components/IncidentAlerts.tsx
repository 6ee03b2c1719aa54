import { Button, Group } from '@mantine/core';
import { IconBellOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { memo, useMemo, useState } from 'react';
import type { Alert, Incident } from '../api/types';
import { useProject } from '../hooks/useProject';
import { Duration } from '../ui/Duration';
import { EmptyState } from '../ui/EmptyState';
import { LongText } from '../ui/LongText';
import { SearchInput } from '../ui/SearchInput';
import { commonLabels, matchingAlerts } from '../util/alert-list';
import { exactCount } from '../util/numbers';
import { AlertLinks } from './AlertLinks';
import { AlertStatus } from './AlertStatus';
import classes from './IncidentAlerts.module.css';
import { Labels } from './Labels';

/** So many are shown at first; a page of five hundred is read by nobody. */
const FIRST = 10;
const MORE = 50;

/** The alerts that make up an incident: firing ones first, what they share once, and of each what tells it apart. */
export function IncidentAlerts({ alerts, incident }: { alerts: readonly Alert[]; incident: Incident }) {
  const [shown, setShown] = useState(FIRST);
  const [q, setQ] = useState('');
  const common = useMemo(() => commonLabels(alerts.map((alert) => alert.labels)), [alerts]);
  const shared = Object.keys(common).length > 0;
  const hidden = useMemo(() => ['alertname', ...Object.keys(common)], [common]);
  const matching = useMemo(() => matchingAlerts(alerts, q), [alerts, q]);
  if (alerts.length === 0) {
    return (
      <EmptyState icon={<IconBellOff size={20} />} title="No alerts">
        {incident.source === 'manual' ? 'Somebody declared this incident; no alert belongs to it.' : 'Its alerts are on their way.'}
      </EmptyState>
    );
  }
  const left = matching.length - shown;
  return (
    <>
      {alerts.length > 1 && (
        <div className={classes.shared}>
          <span className="dim">
            {exactCount(incident.alerts_open)} of {exactCount(incident.alerts_total)} firing. {shared ? 'All have' : 'No label is the same in all.'}
          </span>
          {shared && <Labels labels={common} />}
        </div>
      )}
      {incident.alerts_left_out > 0 && (
        <p className={classes.leftOut}>
          {exactCount(incident.alerts_left_out)} more {incident.alerts_left_out === 1 ? 'alert was' : 'alerts were'} left out of the newest notification by{' '}
          <code>max_alerts</code> of its receiver; the sender shows all.
        </p>
      )}
      {alerts.length > FIRST && (
        <Group className={classes.search}>
          <SearchInput label="Search these alerts" value={q} onChange={setQ} />
          <span className="dim" role="status">
            {q && `${exactCount(matching.length)} match`}
          </span>
        </Group>
      )}
      <ul className={classes.alerts} aria-label="Alerts of this incident">
        {matching.slice(0, shown).map((alert) => (
          <AlertCard key={alert.id} alert={alert} hidden={hidden} />
        ))}
      </ul>
      {left > 0 && (
        <div className={classes.more}>
          <Button variant="default" size="xs" onClick={() => setShown((count) => count + MORE)}>
            Show {Math.min(MORE, left)} more of {exactCount(left)}
          </Button>
        </div>
      )}
      {incident.alerts_total > alerts.length && (
        <p className={classes.more}>
          These are the newest {exactCount(alerts.length)} of its {exactCount(incident.alerts_total)} alerts; the API has all.
        </p>
      )}
    </>
  );
}

/** Drawn anew only when it fires or resolves: in a storm the list is read again several times a minute. */
const AlertCard = memo(
  PlainCard,
  (before, after) => before.alert.id === after.alert.id && before.alert.updated_at === after.alert.updated_at && before.hidden.join() === after.hidden.join(),
);

function PlainCard({ alert, hidden }: { alert: Alert; hidden: readonly string[] }) {
  const project = useProject();
  const { summary, description } = alert.annotations;
  return (
    <li className={classes.alert}>
      <div className={classes.head}>
        <Link
          className={classes.name}
          to="/p/$project/alerts"
          params={{ project }}
          search={{ alert: alert.id, status: alert.status }}
        >
          {alert.name}
        </Link>
        <span className={classes.state}>
          <AlertStatus status={alert.status} />
          <Duration from={alert.starts_at} to={alert.ends_at ?? null} />
        </span>
      </div>
      {[summary, description].map(
        (text, index) =>
          text && (
            <p key={index} className={classes.summary}>
              <LongText text={text} />
            </p>
          ),
      )}
      <AlertLinks alert={alert} />
      <Labels labels={alert.labels} without={hidden} />
    </li>
  );
}
