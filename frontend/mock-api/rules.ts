import type { IncidentStatus, NextAction, StepAction } from '../src/api/types';

/** The state machine of an incident: any step forward up to resolved, learned only after it, reopen from there. */
const NEXT: Record<IncidentStatus, NextAction[]> = {
  detected: ['acknowledge', 'investigate', 'mitigate', 'resolve', 'merge'],
  acknowledged: ['investigate', 'mitigate', 'resolve', 'merge'],
  investigating: ['mitigate', 'resolve', 'merge'],
  mitigated: ['resolve', 'merge'],
  resolved: ['learn', 'reopen'],
  learned: ['reopen'],
  merged: [],
};

export const RESULT: Record<StepAction, IncidentStatus> = {
  acknowledge: 'acknowledged',
  investigate: 'investigating',
  mitigate: 'mitigated',
  resolve: 'resolved',
  learn: 'learned',
  reopen: 'investigating',
};

export function allowedNext(status: IncidentStatus): NextAction[] {
  return NEXT[status];
}
