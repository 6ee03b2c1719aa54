import { expect, it } from 'vitest';
import { chosenRange, movedRange, offeredRanges, rangeLabel, resolveRange } from './range';

const NOW = Date.parse('2026-11-23T12:00:00Z');

it('takes the page’s default when the URL names no range, or one that does not exist', () => {
  expect(chosenRange({}, '30d')).toEqual({ range: '30d' });
  expect(chosenRange({ range: 'yesterday' }, 'all')).toEqual({ range: 'all' });
});

it('has no all time where a page counts per day', () => {
  expect(chosenRange({ range: 'all' }, '30d')).toEqual({ range: '30d' });
  expect(offeredRanges('30d')).not.toContain('all');
  expect(offeredRanges('all')).toContain('all');
});

it('prefers two instants to a name, and needs both', () => {
  expect(chosenRange({ range: '7d', from: 'a', to: 'b' }, '30d')).toEqual({ from: 'a', to: 'b' });
  expect(chosenRange({ range: '7d', from: 'a' }, '30d')).toEqual({ range: '7d' });
});

it('resolves a name to an open end, and all time to nothing', () => {
  expect(resolveRange({ range: '24h' }, NOW)).toEqual({ from: '2026-11-22T12:00:00.000Z' });
  expect(resolveRange({ range: 'all' }, NOW)).toEqual({});
});

it('labels both kinds', () => {
  expect(rangeLabel({ range: '7d' })).toBe('Last 7 days');
  expect(rangeLabel({ from: '2026-11-22T12:00:00Z', to: '2026-11-23T12:00:00Z' })).toMatch(/22.*–.*23/);
});

it('moves by half its length and zooms out to twice, not beyond now', () => {
  const range = { from: '2026-11-23T10:00:00.000Z', to: '2026-11-23T11:00:00.000Z' };
  expect(movedRange(range, NOW, 'out')).toEqual({ from: '2026-11-23T09:30:00.000Z', to: '2026-11-23T11:30:00.000Z' });
  expect(movedRange(range, NOW, 'earlier')).toEqual({ from: '2026-11-23T09:30:00.000Z', to: '2026-11-23T10:30:00.000Z' });
  expect(movedRange(range, NOW, 'later')).toEqual({ from: '2026-11-23T10:30:00.000Z', to: '2026-11-23T11:30:00.000Z' });
  expect(movedRange({ range: '1h' }, NOW, 'later')).toEqual({ from: '2026-11-23T11:00:00.000Z', to: '2026-11-23T12:00:00.000Z' });
  expect(movedRange({ range: '1h' }, NOW, 'out')).toEqual({ from: '2026-11-23T10:30:00.000Z', to: '2026-11-23T12:00:00.000Z' });
});
