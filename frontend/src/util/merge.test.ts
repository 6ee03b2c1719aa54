import { expect, it } from 'vitest';
import { mergeOutcome } from './merge';

const older = { id: 'f2c8a1d0-0000-5000-8000-000000000003', key: 'INC-3' };
const newer = { id: '1b04c9e7-0000-5000-8000-000000000012', key: 'INC-12' };

it('names the one that goes on, whichever is merged into which: ids decide, not numbers', () => {
  const outcome = 'INC-12 goes on with the alerts of both and the worse severity; INC-3 ends and points there.';
  expect(mergeOutcome(older, newer)).toBe(outcome);
  expect(mergeOutcome(newer, older)).toBe(outcome);
});
