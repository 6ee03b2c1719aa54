import { expect, it } from 'vitest';
import { cellAt, heat, heatCells, narrowedTo } from './heatmap';

const cells = heatCells(
  [
    { time: '2026-11-28T10:00:00.000000000Z', min_ms: 0, max_ms: 0.001, count: 1, errors: 0 },
    { time: '2026-11-28T10:00:00.000000000Z', min_ms: 2, max_ms: 5, count: 10, errors: 3 },
    { time: '2026-11-28T10:01:00.000000000Z', min_ms: 20_000_000, max_ms: null, count: 2, errors: 2 },
  ],
  60,
);
const ten = Date.parse('2026-11-28T10:00:00Z') / 1000;

it('draws every step of duration on a logarithmic axis', () => {
  expect(cells[0]).toMatchObject({ from: ten, to: ten + 60, low: 0.0005, high: 0.001 });
  expect(cells[2]).toMatchObject({ low: 20_000_000, high: 40_000_000, most: undefined });
});

it('finds the cell under the pointer', () => {
  expect(cellAt(cells, ten + 59, 2)?.count).toBe(10);
  expect(cellAt(cells, ten + 60, 2)).toBeUndefined();
  expect(cellAt(cells, ten, 5)).toBeUndefined();
});

it('shows one span beside very many', () => {
  expect(heat(1, 10_000)).toBeCloseTo(0.15);
  expect(heat(10_000, 10_000)).toBe(1);
  expect(heat(1, 1)).toBe(1);
});

it('narrows the search to a cell', () => {
  expect(cells.map(narrowedTo)).toMatchObject([
    { min: undefined, max: '0.001ms' },
    { from: '2026-11-28T10:00:00.000Z', to: '2026-11-28T10:01:00.000Z', min: '2ms', max: '5ms' },
    { min: '20000000ms', max: undefined },
  ]);
});
