import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { useCalm } from './useCalm';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('follows what changes all the time every so often, and ends at the last value', () => {
  const { result, rerender } = renderHook(({ value }) => useCalm(value, 10_000), { initialProps: { value: 0 } });
  const seen = new Set<number>();
  for (let value = 1; value <= 100; value += 1) {
    rerender({ value });
    act(() => vi.advanceTimersByTime(250));
    seen.add(result.current);
  }
  expect(seen.size).toBeLessThanOrEqual(3);
  act(() => vi.advanceTimersByTime(10_000));
  expect(result.current).toBe(100);
});
