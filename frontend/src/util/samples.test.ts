import { expect, it } from 'vitest';
import { nextSampleOrder, orderedSamples, sampleRows, sampleTable } from './samples';

const vector = (...values: [Record<string, string>, string][]) => ({
  resultType: 'vector' as const,
  result: values.map(([metric, value]) => ({ metric, value: [0, value] as [number, string] })),
});

const data = vector([{ __name__: 'up', job: 'a' }, '2'], [{ zone: 'x' }, 'NaN'], [{ job: 'b' }, '+Inf'], [{ job: 'c' }, '-1']);

it('has a column for every label, the name of the metric first', () => {
  expect(sampleTable(data).columns).toEqual(['__name__', 'job', 'zone']);
});

it('orders by value both ways, and what is no number comes last', () => {
  const { rows } = sampleTable(data);
  const texts = (order: Parameters<typeof orderedSamples>[1]) => orderedSamples(rows, order).map(({ text }) => text);
  expect(texts('descending')).toEqual(['+Inf', '2', '-1', 'NaN']);
  expect(texts('ascending')).toEqual(['-1', '2', '+Inf', 'NaN']);
  expect(texts(undefined)).toEqual(['2', 'NaN', '+Inf', '-1']);
});

it('goes through the orders and back to what came', () => {
  expect(nextSampleOrder(undefined)).toBe('descending');
  expect(nextSampleOrder('descending')).toBe('ascending');
  expect(nextSampleOrder('ascending')).toBeUndefined();
});

it('writes a file with one row per series', () => {
  expect(sampleRows(data).slice(0, 3)).toEqual([
    ['metric', 'job', 'zone', 'value'],
    ['up', 'a', '', 2],
    ['', '', 'x', 'NaN'],
  ]);
});
