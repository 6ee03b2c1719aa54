import { describe, expect, it } from 'vitest';
import { clockOn, duration, exactDuration, relativeTime, secondsBetween } from './time';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

describe('relativeTime', () => {
  it.each([
    [0, 'just now'],
    [-20, 'just now'],
    [50, '50 s ago'],
    [119, '1 min ago'],
    [3_599, '59 min ago'],
    [7_200, '2 h ago'],
    [3 * 86_400, '3 d ago'],
    [-7_200, 'in 2 h'],
  ])('%i s ago reads %s', (seconds, text) => expect(relativeTime(ago(seconds), NOW)).toBe(text));

  it('becomes a date after a week, with the year when it is another', () => {
    expect(relativeTime(ago(10 * 86_400), NOW)).not.toMatch(/ago|2026/);
    expect(relativeTime(ago(400 * 86_400), NOW)).toMatch(/2025/);
  });
});

it('tells the day of a clock that is not of today', () => {
  expect(clockOn(ago(60), NOW)).toMatch(/^\d\d:59$/);
  expect(clockOn(ago(3 * 86_400), NOW)).toMatch(/20.*, \d\d:00$/);
});

describe('duration', () => {
  it.each([
    [12, '12 s'],
    [59.4, '59 s'],
    [754, '12 min'],
    [12_000, '3 h 20 min'],
    [7_200, '2 h'],
    [187_200, '2 d 4 h'],
    [-5, '0 s'],
  ])('%f seconds read %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  it('is exact on hover', () => {
    expect(exactDuration(93_784)).toBe('1 d 02:03:04');
    expect(exactDuration(61)).toBe('00:01:01');
  });

  it('is counted between instants', () => {
    expect(secondsBetween(ago(90), NOW)).toBe(90);
  });
});
