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
  const lines = named.map(({ name, values }, index) => ({
    id: `${index}:${name}`,
    name,
    values: onGrid(values, start, end, step),
    ...(colors.get(name) ?? { color: 0, dashed: false }),
  }));
  const times = answers.length === 0 ? [] : Array.from({ length: Math.floor((end - start) / step + 1e-9) + 1 }, (_, index) => start + index * step);
  return { times, lines, left: all.length - shown.length };
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

/** Exemplars that lead to a trace. */
export function exemplarDots(found: readonly Exemplars[]): ExemplarDot[] {
  const dots = found.flatMap(({ seriesLabels, exemplars }) =>
    exemplars.flatMap(({ labels, value, timestamp }) => {
      const trace = TRACE_LABELS.map((name) => labels[name]).find(Boolean);
      return trace ? [{ id: `${trace}:${timestamp}`, trace, time: timestamp, value: Number(value), labels: seriesLabels }] : [];
    }),
  );
  return [...new Map(dots.map((dot) => [dot.id, dot])).values()].slice(0, DOTS_SHOWN);
}

/** Rows for a file: a header of names, then one row per instant. */
export function chartRows({ times, lines }: MetricChart): (string | number | null)[][] {
  return [
    ['time', ...lines.map(({ name }) => name)],
    ...times.map((time, index) => [new Date(time * 1000).toISOString(), ...lines.map(({ values }) => values[index] ?? null)]),
  ];
}
