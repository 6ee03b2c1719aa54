import { Link } from '@tanstack/react-router';
import type { Column, Sort } from '../ui/DataTable';
import { Sparkline } from '../ui/Sparkline';
import { percent, rate, shortDuration } from '../util/numbers';
import type { ServiceHealth } from '../util/service-health';
import { directionOf, nextOrder, type Numbers } from '../util/table-order';
import classes from './service-columns.module.css';

/** By which number the tables of a page are ordered, as its URL says. */
export interface TableOrdering {
  order: string | undefined;
  set: (order: string | undefined) => void;
}

export function sortBy(by: string, { order, set }: TableOrdering): Sort {
  return { order: directionOf(order, by), toggle: () => set(nextOrder(order, by)) };
}

/** What services are ordered by, by the ids of their columns. */
export const SERVICE_NUMBERS: Numbers<ServiceHealth> = {
  rate: (row) => row.rate,
  errors: (row) => row.error_rate,
  p95: (row) => row.p95_ms,
};

/** Services with their numbers; the name opens the operations, the arrows lead to traces and lines. */
export function serviceColumns(onSelect: (service: string) => void, ordering: TableOrdering): readonly Column<ServiceHealth>[] {
  return [
    {
      id: 'service',
      header: 'Service',
      cell: (row) => (
        <button type="button" className={classes.name} data-row-link onClick={() => onSelect(row.service)}>
          {row.service}
        </button>
      ),
    },
    {
      id: 'rate',
      header: 'Rate',
      width: 80,
      align: 'right',
      cell: (row) => <span className="tabular">{rate(row.rate)}</span>,
      sort: sortBy('rate', ordering),
    },
    {
      id: 'rate-trend',
      header: 'Trend',
      width: 120,
      from: 'medium',
      cell: (row) => <Trend label={`Rate of ${row.service}`} values={row.rates} color="--series-0" />,
    },
    {
      id: 'errors',
      header: 'Errors',
      width: 82,
      align: 'right',
      cell: (row) => <span className="tabular">{percent(row.error_rate)}</span>,
      sort: sortBy('errors', ordering),
    },
    {
      id: 'errors-trend',
      header: 'Trend',
      width: 120,
      from: 'medium',
      cell: (row) => <Trend label={`Errors of ${row.service}`} values={row.errorRates} color="--level-error" />,
    },
    {
      id: 'p95',
      header: 'p95',
      width: 92,
      align: 'right',
      cell: (row) => <span className="tabular">{shortDuration(row.p95_ms)}</span>,
      sort: sortBy('p95', ordering),
    },
    {
      id: 'links',
      header: 'More',
      width: 170,
      from: 'wide',
      cell: (row) => (
        <span className={classes.links}>
          <Link from="/p/$project/services" to="/p/$project/traces" search={{ service: row.service }} aria-label={`Traces of ${row.service}`}>
            Traces
          </Link>
          <Link from="/p/$project/services" to="/p/$project/logs" search={{ service: row.service }} aria-label={`Logs of ${row.service}`}>
            Logs
          </Link>
        </span>
      ),
    },
  ];
}

interface TrendProps {
  label: string;
  values: readonly (number | null)[];
  color: `--${string}`;
}

function Trend(trend: TrendProps) {
  return trend.values.length > 1 ? <Sparkline {...trend} /> : null;
}
