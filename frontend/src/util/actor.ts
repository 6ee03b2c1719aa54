import type { Actor } from '../api/types';

/** Workers of the platform speak with one name; the worker's own is for those who look closer. */
export function actorName(actor: Actor): string {
  return actor.type === 'system' ? 'SRE Copilot' : actor.name;
}

/** Of the first and the last word that begins with a letter or a digit; nothing where no word does. */
export function initials(name: string): string {
  const firsts = name.split(/\s+/).flatMap((word) => /[\p{L}\p{N}]\p{M}*/u.exec(word)?.[0] ?? []);
  return (firsts.length > 1 ? `${firsts[0]}${firsts.at(-1)}` : (firsts[0] ?? '')).toLocaleUpperCase();
}
