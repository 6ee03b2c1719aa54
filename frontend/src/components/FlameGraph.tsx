import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { exactCount, percent, shortDuration } from '../util/numbers';
import { flames, type Flame, type SpanTree } from '../util/trace-layout';
import classes from './FlameGraph.module.css';
import { ServiceName } from './ServiceName';
import type { TimedSpan } from './Waterfall';

interface FlameGraphProps {
  tree: SpanTree<TimedSpan>;
  colorOf: (service: string) => string;
}

/** Narrower cells than this share of the width are left out. */
const NARROWEST = 0.002;
const ROW_HEIGHT = 22;

/** Where the time went: spans with the same path merged, as wide as the time they and everything beneath took. */
export function FlameGraph({ tree, colorOf }: FlameGraphProps) {
  const all = useMemo(() => flames(tree, ({ service, name }) => `${service}\n${name}`), [tree]);
  const [focus, setFocus] = useState<string>();
  const roots = useMemo(() => {
    const found = focus === undefined ? undefined : find(all, focus);
    return found ? [found] : all;
  }, [all, focus]);
  const cells = useMemo(() => layout(roots), [roots]);
  const depth = cells.reduce((most, cell) => Math.max(most, cell.depth), 0) + 1;
  return (
    <div>
      <div className={classes.tools}>
        <span className="dim">Width is the time of a span and of everything beneath it; parallel work adds up. Click a span to see it alone.</span>
        {focus !== undefined && (
          <Button size="compact-xs" variant="default" onClick={() => setFocus(undefined)}>
            Whole trace
          </Button>
        )}
      </div>
      <div className={classes.graph} style={{ height: depth * ROW_HEIGHT }} role="img" aria-label="Flame graph; the table beneath has its numbers">
        {cells.map(({ flame, depth: level, left, width }) => (
          <div
            key={flame.key}
            className={classes.cell}
            style={{ left: `${left * 100}%`, width: `calc(${width * 100}% - 1px)`, top: level * ROW_HEIGHT, '--color': colorOf(flame.span.service) } as React.CSSProperties}
            title={`${flame.span.service} · ${flame.span.name}\n${shortDuration(flame.value)} in ${flame.count} spans, ${shortDuration(flame.self)} of it itself`}
            onClick={() => setFocus(flame.key)}
          >
            {flame.span.name}
          </div>
        ))}
      </div>
      <SelfTimes roots={roots} colorOf={colorOf} onFocus={setFocus} />
    </div>
  );
}

interface Cell {
  flame: Flame<TimedSpan>;
  depth: number;
  left: number;
  width: number;
}

function layout(roots: readonly Flame<TimedSpan>[]): Cell[] {
  const total = roots.reduce((sum, root) => sum + root.value, 0) || 1;
  const cells: Cell[] = [];
  place(roots, 0, 0);
  return cells;

  function place(level: readonly Flame<TimedSpan>[], depth: number, from: number) {
    let left = from;
    for (const flame of level) {
      const width = flame.value / total;
      if (width >= NARROWEST) {
        cells.push({ flame, depth, left, width });
        place(flame.children, depth + 1, left);
      }
      left += width;
    }
  }
}

function find(level: readonly Flame<TimedSpan>[], key: string): Flame<TimedSpan> | undefined {
  for (const flame of level) {
    if (flame.key === key) return flame;
    const below = key.startsWith(flame.key) ? find(flame.children, key) : undefined;
    if (below) return below;
  }
  return undefined;
}

const ROWS = 12;

/** The same numbers to read: which operations took the time themselves. */
function SelfTimes({ roots, colorOf, onFocus }: { roots: readonly Flame<TimedSpan>[]; colorOf: (service: string) => string; onFocus: (key: string) => void }) {
  const flat = useMemo(() => flatten(roots).sort((left, right) => right.self - left.self), [roots]);
  const total = flat.reduce((sum, { self }) => sum + self, 0) || 1;
  return (
    <table className={classes.table} aria-label="Time by operation">
      <thead>
        <tr>
          <th scope="col">Operation</th>
          <th scope="col">Spans</th>
          <th scope="col">Itself</th>
          <th scope="col">Share</th>
        </tr>
      </thead>
      <tbody>
        {flat.slice(0, ROWS).map((flame) => (
          <tr key={flame.key}>
            <th scope="row">
              <button type="button" className={classes.operation} onClick={() => onFocus(flame.key)}>
                <ServiceName service={flame.span.service} color={colorOf(flame.span.service)} />
                <span className={classes.name}>{flame.span.name}</span>
              </button>
            </th>
            <td>{flame.count}</td>
            <td>{shortDuration(flame.self)}</td>
            <td>{percent(flame.self / total)}</td>
          </tr>
        ))}
      </tbody>
      {flat.length > ROWS && (
        <tfoot>
          <tr>
            <td colSpan={4} className="dim">
              The {ROWS} that took the most of {exactCount(flat.length)}.
            </td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}

function flatten(level: readonly Flame<TimedSpan>[]): Flame<TimedSpan>[] {
  return level.flatMap((flame) => [flame, ...flatten(flame.children)]);
}
