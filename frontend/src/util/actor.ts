import type { Actor } from '../api/types';

export function actorName(actor: Actor): string {
  return actor.name ?? NAMELESS[actor.type];
}

const NAMELESS: Record<Actor['type'], string> = {
  user: 'Somebody',
  api_key: 'An API key',
  system: 'SRE Copilot',
};
