import type { NextAction, StepAction } from '../api/types';

/** In the order of the state machine; `done` is what a message says afterwards. */
export const STEP_WORDS: Record<StepAction, { label: string; done: string }> = {
  acknowledge: { label: 'Acknowledge', done: 'acknowledged' },
  investigate: { label: 'Start investigating', done: 'investigating' },
  mitigate: { label: 'Mark mitigated', done: 'mitigated' },
  resolve: { label: 'Resolve', done: 'resolved' },
  learn: { label: 'Mark learned', done: 'learned' },
  reopen: { label: 'Reopen', done: 'reopened' },
};

const ORDER: readonly StepAction[] = ['acknowledge', 'investigate', 'mitigate', 'resolve', 'learn'];

/** The one next step, and the other legal ones. The server's `allowed_next` is the only source of what is legal. */
export function nextSteps(allowed: readonly NextAction[]): { primary: StepAction | undefined; others: StepAction[] } {
  const forward = ORDER.filter((action) => allowed.includes(action));
  const others = forward.slice(1);
  if (allowed.includes('reopen')) others.push('reopen');
  return { primary: forward[0], others };
}
