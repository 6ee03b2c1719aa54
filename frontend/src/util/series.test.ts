import { expect, it } from 'vitest';
import { assignColors, lineStats, sortedRows, onGrid, seriesName } from './series';

it('names series as Prometheus does', () => {
  expect(seriesName({ __name__: 'up', job: 'node', instance: 'a:9100' })).toBe('up{instance="a:9100", job="node"}');
  expect(seriesName({ __name__: 'up' })).toBe('up');
  expect(seriesName({ job: 'a"b' })).toBe('{job="a\\"b"}');
  expect(seriesName({})).toBe('{}');
});

it('keeps a series’ colour whatever is drawn beside it', () => {
  const alone = assignColors(['up{job="node"}']).get('up{job="node"}');
  const among = assignColors(['zz', 'up{job="node"}']).get('up{job="node"}');
  expect(among).toEqual(alone);
});

it('gives ten series ten colours, and dashes the eleventh', () => {
  const colors = assignColors(Array.from({ length: 11 }, (_, index) => `series ${index}`));
  const solid = [...colors.values()].filter(({ dashed }) => !dashed);
  expect(new Set(solid.map(({ color }) => color)).size).toBe(10);
  expect([...colors.values()].filter(({ dashed }) => dashed)).toHaveLength(1);
});

it('leaves gaps as gaps', () => {
  expect(onGrid([[0, '1'], [30, '3'], [45, 'NaN']], 0, 60, 15)).toEqual([1, null, 3, null, null]);
});

it('counts only what is there', () => {
  expect(lineStats([1, null, 3])).toEqual({ last: 3, min: 1, max: 3, mean: 2 });
  expect(lineStats([null])).toEqual({ last: null, min: null, max: null, mean: null });
});

it('sorts the legend by a column, what has no value last', () => {
  const row = (name: string, max: number | null) => ({ name, stats: { last: 0, min: 0, max, mean: 0 } });
  const rows = [row('a', 1), row('none', null), row('b', 7)];
  const names = (sort: Parameters<typeof sortedRows>[1]) => sortedRows(rows, sort).map(({ name }) => name);
  expect(names({ by: 'max', descending: true })).toEqual(['b', 'a', 'none']);
  expect(names({ by: 'max', descending: false })).toEqual(['a', 'b', 'none']);
  expect(names(undefined)).toEqual(['a', 'none', 'b']);
});
