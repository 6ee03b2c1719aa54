import type { Incident } from '../api/types';
import { exactCount } from './numbers';

/** What is to be said of an incident that people resolved while its alerts fire on; nothing of any other. */
export function stillFiring({ status, alerts_open: open }: Pick<Incident, 'status' | 'alerts_open'>): string | undefined {
  const over = status === 'resolved' || status === 'learned';
  if (!over || open === 0) return undefined;
  return open === 1 ? 'One of its alerts still fires' : `${exactCount(open)} of its alerts still fire`;
}
