import { expect, it } from 'vitest';
import { refreshMs } from './refresh';

it('asks again as often as the URL says, if that is offered', () => {
  expect(refreshMs('30s')).toBe(30_000);
  expect(refreshMs('1ms')).toBeUndefined();
  expect(refreshMs(undefined)).toBeUndefined();
});
