import type { InstantResult } from '../api/prometheus';
import type { NativeHistogram } from './native-histogram';
import { sampleValue, type Labels } from './series';

/** One series of an instant result. */
export interface SampleRow {
  labels: Labels;
  value: number;
  /** As the server wrote it: what is no number has no other form. */
  text: string;
  histogram?: NativeHistogram | undefined;
}

export type SampleOrder = 'ascending' | 'descending' | undefined;

/** The rows as the server gave them, and the labels that any of them has, the metric's name first. */
export function sampleTable(data: InstantResult): { columns: string[]; rows: SampleRow[] } {
  const rows = rowsOf(data);
  return { columns: [...new Set(rows.flatMap(({ labels }) => Object.keys(labels)))].sort(byName), rows };
}

function rowsOf(data: InstantResult): SampleRow[] {
  if (data.resultType === 'vector') return data.result.map(({ metric, value, histogram }) => row(metric, value?.[1], histogram?.[1]));
  if (data.resultType === 'matrix') {
    return data.result.map(({ metric, values, histograms }) => row(metric, values?.at(-1)?.[1], histograms?.at(-1)?.[1]));
  }
  return [row({}, data.result[1])];
}

function row(labels: Labels, text = '', histogram?: NativeHistogram): SampleRow {
  return { labels, value: sampleValue(histogram ? histogram.count : text), text, histogram };
}

function byName(left: string, right: string): number {
  if (left === '__name__' || right === '__name__') return left === '__name__' ? -1 : 1;
  return left < right ? -1 : 1;
}

/** By value, of a histogram by how much it observed; what is no number comes last either way. */
export function orderedSamples(rows: readonly SampleRow[], order: SampleOrder): readonly SampleRow[] {
  if (order === undefined) return rows;
  return rows.toSorted(({ value: left }, { value: right }) => {
    if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
    if (left === right) return 0;
    return left < right === (order === 'ascending') ? -1 : 1;
  });
}

/** Highest first, then lowest first, then as they came. */
export function nextSampleOrder(order: SampleOrder): SampleOrder {
  if (order === undefined) return 'descending';
  return order === 'descending' ? 'ascending' : undefined;
}

/** Rows for a file: a header of label names, then one row per series. */
export function sampleRows(data: InstantResult): (string | number)[][] {
  const { columns, rows } = sampleTable(data);
  return [
    [...columns.map((name) => (name === '__name__' ? 'metric' : name)), 'value'],
    ...rows.map((one) => [...columns.map((name) => one.labels[name] ?? ''), cellOf(one)]),
  ];
}

function cellOf({ value, text, histogram }: SampleRow): string | number {
  if (histogram) return `count ${histogram.count}, sum ${histogram.sum}`;
  return Number.isFinite(value) ? value : text;
}
