import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { onWake } from './wake';

const woke = vi.fn();
let stop: () => void;
let hidden = false;

beforeEach(() => {
  vi.useFakeTimers();
  hidden = false;
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  woke.mockClear();
  stop = onWake(woke);
});

afterEach(() => {
  stop();
  Reflect.deleteProperty(document, 'hidden');
  vi.useRealTimers();
});

/** The lid is closed: time goes on and no timer runs. */
function sleep(ms: number) {
  vi.setSystemTime(Date.now() + ms);
}

it('notices a minute of sleep in a tab that is seen', () => {
  vi.advanceTimersByTime(600_000);
  expect(woke).not.toHaveBeenCalled();
  sleep(60_000);
  vi.advanceTimersByTime(5_000);
  expect(woke).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(60_000);
  expect(woke).toHaveBeenCalledOnce();
});

it('does not take the slower timers of a tab in the background for sleep', () => {
  hidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  sleep(60_000);
  hidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woke).not.toHaveBeenCalled();

  hidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  sleep(3_600_000);
  hidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woke).toHaveBeenCalledOnce();
});

it('says nothing once it was stopped', () => {
  stop();
  sleep(3_600_000);
  vi.advanceTimersByTime(10_000);
  expect(woke).not.toHaveBeenCalled();
});
