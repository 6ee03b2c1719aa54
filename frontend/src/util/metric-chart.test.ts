import { expect, it } from 'vitest';
import { chartRows, exemplarDots, metricChart, SERIES_DRAWN } from './metric-chart';

const grid = { start: 0, end: 30, step: 15 };
const matrix = (...series: [Record<string, string>, [number, string][]][]) => ({
  resultType: 'matrix' as const,
  result: series.map(([metric, values]) => ({ metric, values })),
});

it('puts queries that ran a step apart on one grid', () => {
  const chart = metricChart([
    { letter: 'a', grid, data: matrix([{ __name__: 'up' }, [[0, '1'], [30, '0']]]) },
    { letter: 'b', grid: { start: 15, end: 45, step: 15 }, data: matrix([{ job: 'x' }, [[45, '7']]]) },
  ]);
  expect(chart.times).toEqual([0, 15, 30, 45]);
  expect(chart.lines.map(({ name, values }) => [name, values])).toEqual([
    ['A · up', [1, null, 0, null]],
    ['B · {job="x"}', [null, null, null, 7]],
  ]);
});

it('draws the first 200 series and says how many are left', () => {
  const series = Array.from({ length: 260 }, (_, index): [Record<string, string>, [number, string][]] => [{ pod: `p${index}` }, [[0, '1']]]);
  const chart = metricChart([{ letter: 'a', grid, data: matrix(...series) }]);
  expect(chart.lines).toHaveLength(SERIES_DRAWN);
  expect(chart.left).toBe(60);
});

it('keeps exemplars that name a trace, once', () => {
  const exemplar = { labels: { trace_id: 'abc' }, value: '0.3', timestamp: 12 };
  const dots = exemplarDots([{ seriesLabels: {}, exemplars: [exemplar, exemplar, { labels: { user: 'x' }, value: '1', timestamp: 3 }] }]);
  expect(dots).toEqual([{ id: 'abc:12', trace: 'abc', time: 12, value: 0.3, labels: {} }]);
});

it('draws the slow exemplars of each time where there are too many', () => {
  const at = (timestamp: number, value: number) => ({ labels: { trace_id: `${timestamp}-${value}` }, value: String(value), timestamp });
  const fast = Array.from({ length: 400 }, (_, index) => at(index, 0.01));
  const slow = [at(3, 2), at(200, 0.9), at(399, 1.5)];
  const dots = exemplarDots([{ seriesLabels: { le: '0.05' }, exemplars: fast }, { seriesLabels: { le: '+Inf' }, exemplars: slow }]);
  expect(dots.length).toBeLessThanOrEqual(100);
  expect(dots.map(({ value }) => value).filter((value) => value > 0.5)).toEqual([2, 0.9, 1.5]);
  expect(dots.filter(({ time }) => time > 100 && time < 150).length).toBeGreaterThan(5);
});

it('knows a series again when others come before it', () => {
  const idsOf = (...pods: string[]) =>
    metricChart([{ letter: 'a', grid, data: matrix(...pods.map((pod): [Record<string, string>, [number, string][]] => [{ pod }, [[0, '1']]])) }]).lines.map(({ id }) => id);
  const [alone] = idsOf('b');
  expect(idsOf('a', 'b')[1]).toBe(alone);
  expect(new Set(idsOf('b', 'b')).size).toBe(2);
});

it('exports one row per instant', () => {
  const rows = chartRows(metricChart([{ letter: 'a', grid, data: matrix([{ __name__: 'up' }, [[0, '1']]]) }]));
  expect(rows[0]).toEqual(['time', 'up']);
  expect(rows[2]).toEqual(['1970-01-01T00:00:15.000Z', null]);
});

it('draws native histograms as lines of quantiles', () => {
  const histogram = { count: '10', sum: '20', buckets: [[0, '2', '4', '10'] as [number, string, string, string]] };
  const result = [{ metric: { __name__: 'latency' }, histograms: [[15, histogram] as [number, typeof histogram]] }];
  const chart = metricChart([{ letter: 'a', grid, data: { resultType: 'matrix', result } }]);
  expect(chart.lines.map(({ name }) => name)).toEqual(['latency p50', 'latency p90', 'latency p99']);
  expect(chart.lines[0]?.values).toEqual([null, expect.closeTo(2 * Math.SQRT2), null]);
});
