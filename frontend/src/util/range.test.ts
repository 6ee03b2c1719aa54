import { expect, it } from 'vitest';
import { chosenRange, movedRange, offeredRanges, rangeLabel, rangeTrouble, resolveRange, resolveWindow } from './range';

const NOW = Date.parse('2026-11-23T12:00:00Z');

it('takes the page’s default when the URL names no range, or one that does not exist', () => {
  expect(chosenRange({}, '30d')).toEqual({ range: '30d' });
  expect(chosenRange({ range: 'yesterday' }, 'all')).toEqual({ range: 'all' });
});

it('takes the default where a time of the URL is none, and says which', () => {
  for (const [from, to] of [['yesterday', 'now'], ['2026-11-30', 'x'], ['now-1', 'now'], ['yesterday 1', 'now'], ['2026-13-45', 'now'], ['constructor', '__proto__']] as const) {
    expect(chosenRange({ from, to }, '1h', NOW)).toEqual({ range: '1h' });
    expect(rangeTrouble({ from, to }, NOW)).toMatch(/ no times?\.$/);
  }
  expect(rangeTrouble({ from: 'yesterday', to: 'now' }, NOW)).toBe('“yesterday” is no time.');
  expect(chosenRange({ range: 'constructor' }, '1h')).toEqual({ range: '1h' });
});

it('takes the default where the end is before the beginning, and says so', () => {
  const turned = { from: '2026-11-23T11:00:00Z', to: '2026-11-23T10:00:00Z' };
  expect(chosenRange(turned, '1h', NOW)).toEqual({ range: '1h' });
  expect(rangeTrouble(turned, NOW)).toBe('It ends before it begins.');
  expect(rangeTrouble({ from: turned.to, to: turned.from }, NOW)).toBeUndefined();
});

it('says what of a range is missing, and which name is none', () => {
  expect(rangeTrouble({ range: '2w' }, NOW)).toBe('“2w” is no range.');
  expect(rangeTrouble({ range: 'constructor' }, NOW)).toBe('“constructor” is no range.');
  expect(rangeTrouble({ range: '7d', from: '2026-11-23' }, NOW)).toBe('“2026-11-23” is a beginning without an end (to).');
  expect(rangeTrouble({ to: 'now' }, NOW)).toBe('“now” is an end without a beginning (from).');
  for (const range of ['7d', 'all', undefined]) expect(rangeTrouble({ range }, NOW)).toBeUndefined();
});

it('reads times that count back from now, as other tools write them', () => {
  expect(chosenRange({ from: 'now-1h', to: 'now' }, '30d', NOW)).toEqual({ range: '1h' });
  const odd = chosenRange({ from: 'now-45m', to: 'now-5m' }, '30d', NOW);
  expect(resolveRange(odd, NOW)).toEqual({ from: '2026-11-23T11:15:00.000Z', to: '2026-11-23T11:55:00.000Z' });
  expect(resolveWindow(odd, NOW)).toEqual({ from: NOW - 45 * 60_000, to: NOW - 5 * 60_000 });
  expect(rangeLabel(odd, NOW)).toBe('now-45m – now-5m');
});

it('asks the server for whole instants also where the URL names days', () => {
  const days = chosenRange({ from: '2026-11-20', to: '2026-11-21' }, '1h', NOW);
  expect(resolveRange(days, NOW)).toEqual({ from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' });
});

it('labels with the year where it is not this one', () => {
  const label = (year: number) => rangeLabel({ from: `${year}-03-10T10:00:00Z`, to: `${year}-03-11T10:00:00Z` }, NOW);
  expect(label(1970)).toMatch(/1970.*–.*1970/);
  expect(label(2030)).toMatch(/2030.*–.*2030/);
  expect(label(2026)).not.toContain('2026');
});

it('has no all time where a page counts per day', () => {
  expect(chosenRange({ range: 'all' }, '30d')).toEqual({ range: '30d' });
  expect(offeredRanges('30d')).not.toContain('all');
  expect(offeredRanges('all')).toContain('all');
  expect(offeredRanges('30d', true)).toContain('all');
  expect(chosenRange({ range: 'all' }, '30d', NOW, true)).toEqual({ range: 'all' });
});

it('prefers two instants to a name, and needs both', () => {
  const instants = { from: '2026-11-22T12:00:00Z', to: '2026-11-23T12:00:00Z' };
  expect(chosenRange({ range: '7d', ...instants }, '30d')).toEqual(instants);
  expect(chosenRange({ range: '7d', from: instants.from }, '30d')).toEqual({ range: '7d' });
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
