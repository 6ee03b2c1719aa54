import { expect, it } from 'vitest';
import { describe as describeState } from './LiveIndicator';

const NOW = Date.parse('2026-11-23T12:00:00Z');

it('calls a short loss reconnecting and a long one stale, with its time', () => {
  expect(describeState({ kind: 'live' }, NOW).text).toBe('Live');
  expect(describeState({ kind: 'reconnecting', since: NOW - 5_000 }, NOW).text).toBe('Reconnecting');
  expect(describeState({ kind: 'reconnecting', since: NOW - 60_000 }, NOW).text).toMatch(/^Stale since \d\d:59$/);
});

it('does not call a server live that is behind, and says since when', () => {
  const shown = describeState({ kind: 'behind', since: NOW - 60_000 }, NOW);
  expect(shown.text).toMatch(/^Behind since \d\d:59$/);
  expect(shown.tone).toBe('stale');
});
