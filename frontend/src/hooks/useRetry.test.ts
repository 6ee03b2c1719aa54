import { renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { useRetry } from './useRetry';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('acts every five seconds, also after it failed, and at once when the network is back', async () => {
  const act = vi.fn(() => Promise.reject(new Error('away')));
  const { unmount } = renderHook(() => useRetry(true, act));
  await vi.advanceTimersByTimeAsync(11_000);
  expect(act).toHaveBeenCalledTimes(2);
  window.dispatchEvent(new Event('online'));
  expect(act).toHaveBeenCalledTimes(3);
  unmount();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(act).toHaveBeenCalledTimes(3);
});

it('does nothing about what does not pass', async () => {
  const act = vi.fn(() => Promise.resolve());
  renderHook(() => useRetry(false, act));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(act).not.toHaveBeenCalled();
});
