import { expect, it } from 'vitest';
import { alignWindow, autoStep, parseSeconds, usableStep } from './steps';

const HOUR = 3_600_000;

it('chooses round steps that give at most 240 points', () => {
  expect(autoStep(HOUR)).toBe(15);
  expect(autoStep(24 * HOUR)).toBe(600);
  expect(autoStep(30 * 24 * HOUR)).toBe(10_800);
  expect(autoStep(60_000)).toBe(1);
});

it('keeps an explicit step unless it would make too many points', () => {
  expect(usableStep(30, HOUR)).toBe(30);
  expect(usableStep(1, 24 * HOUR)).toBe(8);
  expect(usableStep(undefined, HOUR)).toBe(15);
});

it('aligns a window to the step, so that a refresh a moment later asks for the same instants', () => {
  const first = alignWindow({ from: 1_000_001_000, to: 1_003_601_000 }, 15);
  expect(first).toEqual(alignWindow({ from: 1_000_003_000, to: 1_003_603_000 }, 15));
  expect(first.start % 15).toBe(0);
});

it('reads durations as people write them', () => {
  expect(parseSeconds('250ms')).toBe(0.25);
  expect(parseSeconds('1.5 h')).toBe(5400);
  expect(parseSeconds('15')).toBe(15);
  expect(parseSeconds('soon')).toBeUndefined();
  expect(parseSeconds('0s')).toBeUndefined();
});
