import type { Incident } from '../api/types';

type Merged = Pick<Incident, 'id' | 'key'>;

/**
 * Which of two incidents goes on, whichever was asked to be merged: the one with the lower id. An id says nothing of
 * age, so nobody can know it without being told.
 */
export function mergeOutcome(one: Merged, other: Merged): string {
  const [stays, goes] = one.id < other.id ? [one, other] : [other, one];
  return `${nameOf(stays)} goes on with the alerts of both and the worse severity; ${nameOf(goes)} ends and points there.`;
}

function nameOf({ key }: Merged): string {
  return key ?? 'The one without a number yet';
}
