import { useMemo, useState } from 'react';
import { lineStats, sortedRows, type Line, type StatName } from '../util/series';
import classes from './SeriesLegend.module.css';

interface SeriesLegendProps {
  lines: readonly Line[];
  isolated: ReadonlySet<string>;
  onIsolate: (ids: ReadonlySet<string>) => void;
  text: (value: number | null) => string;
}

const COLUMNS: readonly { by: StatName; title: string; from?: 'medium' }[] = [
  { by: 'last', title: 'Last' },
  { by: 'min', title: 'Min', from: 'medium' },
  { by: 'max', title: 'Max' },
  { by: 'mean', title: 'Mean', from: 'medium' },
];

/** The legend as a table; a click on a column sorts by it. A click shows one series alone, with Ctrl, Cmd or Shift it adds one; a second click shows all. */
export function SeriesLegend({ lines, isolated, onIsolate, text }: SeriesLegendProps) {
  const [sort, setSort] = useState<{ by: StatName; descending: boolean }>();
  const rows = useMemo(() => sortedRows(lines.map((line) => ({ line, stats: lineStats(line.values) })), sort), [lines, sort]);
  // Highest first, then lowest first, then as they came.
  const sortBy = (by: StatName) => setSort(sort?.by !== by ? { by, descending: true } : sort.descending ? { by, descending: false } : undefined);
  const toggle = (id: string, add: boolean) => {
    const next = new Set(add ? isolated : []);
    if (isolated.has(id)) next.delete(id);
    else next.add(id);
    onIsolate(!add && isolated.size === 1 && isolated.has(id) ? new Set() : next);
  };
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="Series">
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Series</th>
            {COLUMNS.map(({ by, title, from }) => (
              <th
                key={by}
                scope="col"
                data-from={from}
                aria-sort={sort?.by === by ? (sort.descending ? 'descending' : 'ascending') : 'none'}
              >
                <button type="button" className={classes.sort} onClick={() => sortBy(by)}>
                  {title}
                  {sort?.by === by && <span aria-hidden>{sort.descending ? ' ↓' : ' ↑'}</span>}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ line, stats }) => (
            <tr key={line.id} data-faint={(isolated.size > 0 && !isolated.has(line.id)) || undefined}>
              <th scope="row">
                <button
                  type="button"
                  className={classes.name}
                  aria-pressed={isolated.has(line.id)}
                  title={line.name}
                  onClick={(event) => toggle(line.id, event.ctrlKey || event.metaKey || event.shiftKey)}
                >
                  <span className={classes.swatch} data-dashed={line.dashed || undefined} style={{ color: `var(--series-${line.color})` }} aria-hidden />
                  <span className={classes.text}>{line.name}</span>
                </button>
              </th>
              {COLUMNS.map(({ by, from }) => (
                <td key={by} data-from={from}>
                  {text(stats[by])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
