import { Link } from '@tanstack/react-router';
import type { Column } from '../ui/DataTable';
import { Sparkline } from '../ui/Sparkline';
import { percent, rate, shortDuration } from '../util/numbers';
import type { ServiceHealth } from '../util/service-health';
import classes from './service-columns.module.css';

/** Services with their numbers; the name opens the operations, the arrows lead to traces and lines. */
export function serviceColumns(onSelect: (service: string) => void): readonly Column<ServiceHealth>[] {
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
    { id: 'rate', header: 'Rate', width: 80, align: 'right', cell: (row) => <span className="tabular">{rate(row.rate)}</span> },
    {
      id: 'rate-trend',
      header: 'Trend',
      width: 120,
      from: 'medium',
      cell: (row) => <Trend label={`Rate of ${row.service}`} values={row.rates} color="--series-0" />,
    },
    { id: 'errors', header: 'Errors', width: 76, align: 'right', cell: (row) => <span className="tabular">{percent(row.error_rate)}</span> },
    {
      id: 'errors-trend',
      header: 'Trend',
      width: 120,
      from: 'medium',
      cell: (row) => <Trend label={`Errors of ${row.service}`} values={row.errorRates} color="--level-error" />,
    },
    { id: 'p95', header: 'p95', width: 92, align: 'right', cell: (row) => <span className="tabular">{shortDuration(row.p95_ms)}</span> },
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
