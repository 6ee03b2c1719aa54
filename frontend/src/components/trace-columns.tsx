import { Link } from '@tanstack/react-router';
import type { TraceSummary } from '../api/traces';
import type { Column } from '../ui/DataTable';
import { RelativeTime } from '../ui/RelativeTime';
import { shortDuration } from '../util/numbers';
import type { serviceColors} from './ServiceName';
import { ServiceName } from './ServiceName';
import classes from './trace-columns.module.css';

/** `longest` is the longest duration of the list: each row's bar is a share of it. */
export function traceColumns(project: string, longest: number, colorOf: ReturnType<typeof serviceColors>): readonly Column<TraceSummary>[] {
  return [
    {
      id: 'root',
      header: 'Trace',
      cell: (row) => (
        <Link
          to="/p/$project/traces/$trace"
          params={{ project, trace: row.trace_id }}
          className={classes.link}
          data-row-link
          title={row.trace_id}
        >
          <ServiceName service={row.root_service} color={colorOf(row.root_service)} />
          <span className={classes.operation}>{row.root_operation}</span>
        </Link>
      ),
    },
    {
      id: 'errors',
      header: 'Errors',
      width: 80,
      cell: (row) =>
        row.errors > 0 ? (
          <span className={classes.errors}>
            {row.errors} {row.errors === 1 ? 'error' : 'errors'}
          </span>
        ) : (
          ''
        ),
    },
    { id: 'duration', header: 'Duration', width: 84, align: 'right', cell: (row) => <span className="tabular">{shortDuration(row.duration_ms)}</span> },
    {
      id: 'bar',
      header: 'Of the longest',
      width: 110,
      from: 'medium',
      cell: (row) => (
        <span className={classes.track} aria-hidden>
          <span className={classes.bar} data-bad={row.errors > 0 || undefined} style={{ width: `${(row.duration_ms / Math.max(longest, 1e-9)) * 100}%` }} />
        </span>
      ),
    },
    { id: 'spans', header: 'Spans', width: 64, align: 'right', from: 'medium', cell: (row) => <span className="tabular">{row.spans}</span> },
    {
      id: 'services',
      header: 'Services',
      width: 240,
      from: 'wide',
      cell: (row) => <span className={classes.services} title={row.services.join(', ')}>{row.services.join(', ')}</span>,
    },
    { id: 'start', header: 'Started', width: 110, from: 'medium', cell: (row) => <RelativeTime at={row.start} className="dim" /> },
  ];
}
