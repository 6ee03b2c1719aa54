import { Link } from '@tanstack/react-router';
import type { Alert } from '../api/types';
import type { Column } from '../ui/DataTable';
import { Duration } from '../ui/Duration';
import { RelativeTime } from '../ui/RelativeTime';
import { AlertStatus } from './AlertStatus';
import classes from './incident-columns.module.css';
import { SeverityBadge } from './SeverityBadge';

export function alertColumns(project: string): readonly Column<Alert>[] {
  return [
    { id: 'severity', header: 'Severity', width: 84, cell: (row) => <SeverityBadge severity={row.severity} /> },
    { id: 'name', header: 'Alert', cell: (row) => <NameCell alert={row} /> },
    { id: 'where', header: 'Where', width: 260, from: 'wide', cell: whereCell },
    { id: 'status', header: 'Status', width: 112, from: 'medium', cell: (row) => <AlertStatus status={row.status} /> },
    {
      id: 'incident',
      header: 'Incident',
      width: 84,
      from: 'medium',
      cell: (row) =>
        row.incident_id ? (
          <Link to="/p/$project/incidents/$incident" params={{ project, incident: row.incident_id }} aria-label={`Open the incident of ${row.name}`}>
            Open
          </Link>
        ) : (
          <span className="dim">–</span>
        ),
    },
    {
      id: 'duration',
      header: 'Duration',
      width: 100,
      from: 'wide',
      align: 'right',
      cell: (row) => <Duration from={row.starts_at} to={row.ends_at ?? null} />,
    },
    {
      id: 'started',
      header: 'Started',
      width: 104,
      from: 'medium',
      align: 'right',
      cell: (row) => <RelativeTime at={row.starts_at} className="dim" />,
    },
  ];
}

function NameCell({ alert }: { alert: Alert }) {
  const summary = alert.annotations['summary'];
  return (
    <div className={classes.title}>
      <Link
        to="."
        search={(before) => ({ ...before, alert: alert.id })}
        className={classes.link}
        title={summary ? `${alert.name}: ${summary}` : alert.name}
        data-row-link
      >
        {alert.name} {summary && <span className={classes.summary}>{summary}</span>}
      </Link>
      <div className={classes.second}>
        <AlertStatus status={alert.status} />
        <RelativeTime at={alert.starts_at} />
      </div>
    </div>
  );
}

/** The labels that most teams use to say where, in order of precision. */
const PLACES = ['service', 'job', 'instance', 'pod', 'namespace', 'cluster'];

function whereCell(alert: Alert) {
  const found = PLACES.map((name) => alert.labels[name]).filter(Boolean).slice(0, 2);
  const text = found.join(' · ') || '–';
  return (
    <span className={`${classes.cut} dim`} title={text}>
      {text}
    </span>
  );
}
