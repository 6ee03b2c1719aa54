import { expect, it } from 'vitest';
import { stillFiring } from './still-firing';

it('says of a resolved incident that alerts fire on, and nothing of one that people work on or whose alerts are over', () => {
  expect(stillFiring({ status: 'resolved', alerts_open: 1 })).toBe('One of its alerts still fires');
  expect(stillFiring({ status: 'learned', alerts_open: 1200 })).toMatch(/^1.?200 of its alerts still fire$/);
  expect(stillFiring({ status: 'mitigated', alerts_open: 3 })).toBeUndefined();
  expect(stillFiring({ status: 'merged', alerts_open: 3 })).toBeUndefined();
  expect(stillFiring({ status: 'resolved', alerts_open: 0 })).toBeUndefined();
});
