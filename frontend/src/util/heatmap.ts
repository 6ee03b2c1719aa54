import type { TraceHeatCell } from '../api/traces';

/** A cell as it is drawn: seconds since 1970 and milliseconds. */
export interface HeatCell {
  from: number;
  to: number;
  low: number;
  high: number;
  count: number;
  errors: number;
  /** The step of duration as the server named it: the first begins at 0, the last has no end. */
  least: number;
  most: number | undefined;
}

/** What the axis shows of durations below a microsecond. */
const SHORTEST_MS = 0.0005;

export function heatCells(cells: readonly TraceHeatCell[], stepSeconds: number): HeatCell[] {
  return cells.map(({ time, min_ms: least, max_ms: most, count, errors }) => {
    const from = Date.parse(time) / 1000;
    const low = Math.max(least, SHORTEST_MS);
    return { from, to: from + stepSeconds, low, high: most ?? low * 2, count, errors, least, most: most ?? undefined };
  });
}

/** Between 0.15 and 1, by the logarithm: one span must be seen beside ten thousand. */
export function heat(count: number, most: number): number {
  return most <= 1 ? 1 : 0.15 + 0.85 * (Math.log(count) / Math.log(most));
}

export function cellAt(cells: readonly HeatCell[], seconds: number, ms: number): HeatCell | undefined {
  return cells.find((cell) => seconds >= cell.from && seconds < cell.to && ms >= cell.low && ms < cell.high);
}

/** What a search says that looks at one cell only. */
export function narrowedTo(cell: HeatCell): { from: string; to: string; min: string | undefined; max: string | undefined } {
  return {
    from: new Date(cell.from * 1000).toISOString(),
    to: new Date(cell.to * 1000).toISOString(),
    min: cell.least > 0 ? `${cell.least}ms` : undefined,
    max: cell.most === undefined ? undefined : `${cell.most}ms`,
  };
}
