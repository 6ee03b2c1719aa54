import { IconBellOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Alert, Incident } from '../api/types';
import { useProject } from '../hooks/useProject';
import { Duration } from '../ui/Duration';
import { EmptyState } from '../ui/EmptyState';
import { LinkedText } from '../ui/LinkedText';
import { AlertLinks } from './AlertLinks';
import { AlertStatus } from './AlertStatus';
import classes from './IncidentAlerts.module.css';
import { Labels } from './Labels';

/** The alerts that make up an incident: firing ones first, with what tells them apart. */
export function IncidentAlerts({ alerts, source }: { alerts: readonly Alert[]; source: Incident['source'] }) {
  const project = useProject();
  if (alerts.length === 0) {
    return (
      <EmptyState icon={<IconBellOff size={20} />} title="No alerts">
        {source === 'manual' ? 'Somebody declared this incident; no alert belongs to it.' : 'Its alerts are on their way.'}
      </EmptyState>
    );
  }
  const ordered = alerts.toSorted((left, right) => Number(right.status === 'firing') - Number(left.status === 'firing'));
  return (
    <ul className={classes.alerts} aria-label="Alerts of this incident">
      {ordered.map((alert) => (
        <li key={alert.id} className={classes.alert}>
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
          {alert.annotations['summary'] && <p className={classes.summary}>{alert.annotations['summary']}</p>}
          {alert.annotations['description'] && (
            <p className={classes.summary}>
              <LinkedText text={alert.annotations['description']} />
            </p>
          )}
          <AlertLinks alert={alert} />
          <Labels labels={alert.labels} without={['alertname']} />
        </li>
      ))}
    </ul>
  );
}
