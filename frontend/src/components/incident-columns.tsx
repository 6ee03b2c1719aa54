import { Link } from '@tanstack/react-router';
import type { Incident } from '../api/types';
import type { Column, Sort } from '../ui/DataTable';
import { Duration } from '../ui/Duration';
import { RelativeTime } from '../ui/RelativeTime';
import classes from './incident-columns.module.css';
import { SeverityBadge } from './SeverityBadge';
import { StatusBadge } from './StatusBadge';

/** As the URL says it; by itself the newest come first. */
export type ListOrder = 'worst' | 'oldest' | undefined;

interface Ordering {
  order: ListOrder;
  set: (order: ListOrder) => void;
}

/**
 * The columns of every list of incidents. On a phone the second line of the title carries what the columns drop.
 * With `ordering` their headers order the list.
 */
export function incidentColumns(project: string, ordering?: Ordering): readonly Column<Incident>[] {
  return [
    {
      id: 'severity',
      header: 'Severity',
      width: 84,
      cell: (row) => <SeverityBadge severity={row.severity} />,
      ...(ordering && { sort: bySeverity(ordering) }),
    },
    {
      id: 'key',
      header: 'Key',
      width: 76,
      from: 'medium',
      cell: (row) => <span className="dim">{row.key ?? '–'}</span>,
    },
    { id: 'title', header: 'Incident', cell: (row) => <TitleCell incident={row} project={project} /> },
    { id: 'status', header: 'Status', width: 136, from: 'medium', cell: (row) => <StatusBadge status={row.status} /> },
    {
      id: 'assignee',
      header: 'Assignee',
      width: 140,
      from: 'wide',
      cell: (row) =>
        row.assignee ? <span className={classes.cut} title={row.assignee.name}>{row.assignee.name}</span> : <span className="dim">–</span>,
    },
    { id: 'alerts', header: 'Alerts', width: 84, from: 'wide', align: 'right', cell: alertsCell },
    {
      id: 'duration',
      header: 'Duration',
      width: 100,
      from: 'wide',
      align: 'right',
      // A merged one is neither open nor resolved: the one that goes on has the time.
      cell: (row) =>
        row.status === 'merged' ? <span className="dim">–</span> : <Duration from={row.opened_at} to={row.resolved_at ?? null} />,
    },
    {
      id: 'opened',
      header: 'Opened',
      width: 104,
      from: 'medium',
      align: 'right',
      cell: (row) => <RelativeTime at={row.opened_at} className="dim" />,
      ...(ordering && { sort: byTime(ordering) }),
    },
  ];
}

function bySeverity({ order, set }: Ordering): Sort {
  const worst = order === 'worst';
  return { order: worst ? 'descending' : undefined, toggle: () => set(worst ? undefined : 'worst') };
}

function byTime({ order, set }: Ordering): Sort {
  if (order === 'worst') return { order: undefined, toggle: () => set(undefined) };
  const oldest = order === 'oldest';
  return { order: oldest ? 'ascending' : 'descending', toggle: () => set(oldest ? undefined : 'oldest') };
}

function TitleCell({ incident, project }: { incident: Incident; project: string }) {
  return (
    <div className={classes.title}>
      <Link
        to="/p/$project/incidents/$incident"
        params={{ project, incident: incident.id }}
        className={classes.link}
        title={incident.title}
        data-row-link
      >
        {incident.title}
      </Link>
      <div className={classes.second}>
        <span>{incident.key}</span>
        <StatusBadge status={incident.status} />
        <RelativeTime at={incident.opened_at} />
      </div>
    </div>
  );
}

function alertsCell(incident: Incident) {
  if (incident.alerts_total === 0) return <span className="dim">–</span>;
  return (
    <span
      className="tabular"
      title={`${incident.alerts_open} firing of ${incident.alerts_total}`}
      aria-label={`${incident.alerts_open} firing of ${incident.alerts_total}`}
    >
      {incident.alerts_open}
      <span className="dim"> / {incident.alerts_total}</span>
    </span>
  );
}
