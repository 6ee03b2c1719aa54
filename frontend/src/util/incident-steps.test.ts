import { describe, expect, it } from 'vitest';
import { nextSteps } from './incident-steps';

describe('nextSteps', () => {
  it('offers the nearest step and keeps the others in the order of the state machine', () => {
    expect(nextSteps(['resolve', 'merge', 'mitigate', 'acknowledge', 'investigate'])).toEqual({
      primary: 'acknowledge',
      others: ['investigate', 'mitigate', 'resolve'],
    });
  });

  it('never makes going back the primary step', () => {
    expect(nextSteps(['reopen'])).toEqual({ primary: undefined, others: ['reopen'] });
    expect(nextSteps(['learn', 'reopen'])).toEqual({ primary: 'learn', others: ['reopen'] });
  });

  it('offers nothing when nothing is allowed', () => {
    expect(nextSteps([])).toEqual({ primary: undefined, others: [] });
  });
});
