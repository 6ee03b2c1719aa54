import { useMemo } from 'react';
import { lineStats, type Line } from '../util/series';
import classes from './SeriesLegend.module.css';

interface SeriesLegendProps {
  lines: readonly Line[];
  isolated: ReadonlySet<string>;
  onIsolate: (ids: ReadonlySet<string>) => void;
  text: (value: number | null) => string;
}

/** The legend as a table. A click shows one series alone, with Ctrl, Cmd or Shift it adds one; a second click shows all. */
export function SeriesLegend({ lines, isolated, onIsolate, text }: SeriesLegendProps) {
  const rows = useMemo(() => lines.map((line) => ({ line, stats: lineStats(line.values) })), [lines]);
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
            <th scope="col">Last</th>
            <th scope="col" data-from="medium">Min</th>
            <th scope="col">Max</th>
            <th scope="col" data-from="medium">Mean</th>
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
              <td>{text(stats.last)}</td>
              <td data-from="medium">{text(stats.min)}</td>
              <td>{text(stats.max)}</td>
              <td data-from="medium">{text(stats.mean)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
