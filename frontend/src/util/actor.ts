import type { Actor } from '../api/types';

/** Workers of the platform speak with one name; the worker's own is for those who look closer. */
export function actorName(actor: Actor): string {
  return actor.type === 'system' ? 'SRE Copilot' : actor.name;
}
