/** A line of a chart: its times are the chart's, a gap is null. */
export interface Line {
  id: string;
  name: string;
  values: (number | null)[];
  /** 0 to 9: which colour of the palette; further rounds of it are dashed. */
  color: number;
  dashed: boolean;
}

export type Labels = Readonly<Record<string, string>>;

export const PALETTE_SIZE = 10;

/** Prometheus' own notation: `up{instance="a", job="b"}`; the empty set is `{}`. */
export function seriesName(labels: Labels): string {
  const { __name__: metric = '', ...rest } = labels;
  const pairs = Object.entries(rest).sort(([left], [right]) => (left < right ? -1 : 1));
  const text = pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ');
  return text || !metric ? `${metric}{${text}}` : metric;
}

/**
 * Colours by name: the same series has the same colour whatever else is on the chart, unless another of its colour came
 * before it in the alphabet; then it takes the next free one, and beyond the palette the lines are dashed.
 */
export function assignColors(names: readonly string[]): Map<string, { color: number; dashed: boolean }> {
  const assigned = new Map<string, { color: number; dashed: boolean }>();
  const taken = new Set<number>();
  for (const name of [...new Set(names)].sort()) {
    const wanted = hash(name) % PALETTE_SIZE;
    const full = taken.size >= PALETTE_SIZE;
    const color = full ? wanted : nextFree(wanted, taken);
    taken.add(color);
    assigned.set(name, { color, dashed: full });
  }
  return assigned;
}

function nextFree(wanted: number, taken: ReadonlySet<number>): number {
  let color = wanted;
  while (taken.has(color)) color = (color + 1) % PALETTE_SIZE;
  return color;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

/** Samples on the grid of a range query; instants without a sample, and samples that are no number, are gaps. */
export function onGrid(samples: readonly (readonly [number, string])[], start: number, end: number, step: number): (number | null)[] {
  const size = Math.floor((end - start) / step + 1e-9) + 1;
  const values: (number | null)[] = Array.from({ length: size }, () => null);
  for (const [time, text] of samples) {
    const index = Math.round((time - start) / step);
    const value = sampleValue(text);
    if (index >= 0 && index < size && Number.isFinite(value)) values[index] = value;
  }
  return values;
}

/** "NaN", "+Inf" and "-Inf" are how Prometheus writes them. */
export function sampleValue(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}

export interface LineStats {
  last: number | null;
  min: number | null;
  max: number | null;
  mean: number | null;
}

export type StatName = keyof LineStats;

/** By one of the statistics; what has none comes last either way. */
export function sortedRows<T extends { stats: LineStats }>(rows: readonly T[], sort: { by: StatName; descending: boolean } | undefined): readonly T[] {
  if (!sort) return rows;
  return rows.toSorted(({ stats: left }, { stats: right }) => {
    const [one, other] = [left[sort.by], right[sort.by]];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return sort.descending ? other - one : one - other;
  });
}

export function lineStats(values: readonly (number | null)[]): LineStats {
  let count = 0;
  let sum = 0;
  const stats: LineStats = { last: null, min: null, max: null, mean: null };
  for (const value of values) {
    if (value === null) continue;
    count += 1;
    sum += value;
    stats.last = value;
    stats.min = stats.min === null ? value : Math.min(stats.min, value);
    stats.max = stats.max === null ? value : Math.max(stats.max, value);
  }
  if (count > 0) stats.mean = sum / count;
  return stats;
}
