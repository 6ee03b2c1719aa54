import type { Exemplars, Grid, Labels, RangeResult, Sample } from '../api/prometheus';
import { quantile, quantileName, QUANTILES } from './native-histogram';
import { assignColors, onGrid, seriesName, type Line } from './series';

/** What one query answered. */
export interface Answered {
  letter: string;
  grid: Grid;
  data: RangeResult;
}

export interface MetricChart {
  times: number[];
  lines: Line[];
  /** Series that are not drawn. */
  left: number;
}

export const SERIES_DRAWN = 200;

/** All queries on one grid. Several queries have their letter before the series' name. */
export function metricChart(answers: readonly Answered[]): MetricChart {
  const grids = answers.map(({ grid }) => grid);
  const step = Math.min(...grids.map((grid) => grid.step));
  const start = Math.min(...grids.map((grid) => grid.start));
  const end = Math.max(...grids.map((grid) => grid.end));
  const all = answers.flatMap(({ letter, data }) => data.result.flatMap((series) => drawn(series).map((one) => ({ letter, ...one }))));
  const shown = all.slice(0, SERIES_DRAWN);
  const named = shown.map(({ letter, metric, part, values }) => ({ name: displayName(metric, letter, answers.length > 1) + part, values }));
  const colors = assignColors(named.map(({ name }) => name));
  const idOf = idsByName();
  const lines = named.map(({ name, values }) => ({
    id: idOf(name),
    name,
    values: onGrid(values, start, end, step),
    ...(colors.get(name) ?? { color: 0, dashed: false }),
  }));
  const times = answers.length === 0 ? [] : Array.from({ length: Math.floor((end - start) / step + 1e-9) + 1 }, (_, index) => start + index * step);
  return { times, lines, left: all.length - shown.length };
}

/** The name, numbered where it comes again: a series that is shown alone stays so when others come and go. */
function idsByName(): (name: string) => string {
  const seen = new Map<string, number>();
  return (name) => {
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    return nth === 1 ? name : `${name} ${nth}`;
  };
}

interface Drawn {
  metric: Labels;
  /** What of the series it is, behind its name. */
  part: string;
  values: readonly Sample[];
}

/** A series of numbers is a line, one of native histograms a line for each quantile. */
function drawn({ metric, values = [], histograms = [] }: RangeResult['result'][number]): Drawn[] {
  const lines: Drawn[] = values.length > 0 || histograms.length === 0 ? [{ metric, part: '', values }] : [];
  if (histograms.length === 0) return lines;
  const quantiles = QUANTILES.map((q): Drawn => ({
    metric,
    part: ` ${quantileName(q)}`,
    values: histograms.map(([time, histogram]): Sample => [time, String(quantile(histogram, q) ?? NaN)]),
  }));
  return [...lines, ...quantiles];
}

function displayName(labels: Labels, letter: string, several: boolean): string {
  const name = seriesName(labels);
  return several ? `${letter.toUpperCase()} · ${name}` : name;
}

export interface ExemplarDot {
  id: string;
  trace: string;
  time: number;
  value: number;
  labels: Labels;
}

const TRACE_LABELS = ['trace_id', 'traceID', 'traceId'];
const DOTS_SHOWN = 100;
/** The time from the first exemplar to the last, in so many pieces, each with its highest ones. */
const DOT_PIECES = 50;

/** Exemplars that lead to a trace; where there are too many, the highest of each time: what was slow is what is looked for. */
export function exemplarDots(found: readonly Exemplars[]): ExemplarDot[] {
  const dots = found.flatMap(({ seriesLabels, exemplars }) =>
    exemplars.flatMap(({ labels, value, timestamp }) => {
      const trace = TRACE_LABELS.map((name) => labels[name]).find(Boolean);
      return trace ? [{ id: `${trace}:${timestamp}`, trace, time: timestamp, value: Number(value), labels: seriesLabels }] : [];
    }),
  );
  const all = [...new Map(dots.map((dot) => [dot.id, dot])).values()];
  return all.length <= DOTS_SHOWN ? all : highest(all);
}

function highest(dots: readonly ExemplarDot[]): ExemplarDot[] {
  const times = dots.map(({ time }) => time);
  const first = times.reduce((least, time) => Math.min(least, time));
  const length = Math.max(times.reduce((most, time) => Math.max(most, time)) - first, 1e-3);
  const pieces = new Map<number, ExemplarDot[]>();
  for (const dot of dots.toSorted((left, right) => right.value - left.value)) {
    const piece = Math.min(DOT_PIECES - 1, Math.floor(((dot.time - first) / length) * DOT_PIECES));
    const taken = pieces.get(piece) ?? [];
    if (taken.length < DOTS_SHOWN / DOT_PIECES) pieces.set(piece, [...taken, dot]);
  }
  return [...pieces.values()].flat().sort((left, right) => left.time - right.time);
}

/** Rows for a file: a header of names, then one row per instant. */
export function chartRows({ times, lines }: MetricChart): (string | number | null)[][] {
  return [
    ['time', ...lines.map(({ name }) => name)],
    ...times.map((time, index) => [new Date(time * 1000).toISOString(), ...lines.map(({ values }) => values[index] ?? null)]),
  ];
}
