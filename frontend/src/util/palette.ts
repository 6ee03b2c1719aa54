import type { Incident } from '../api/types';

/**
 * Of what was found for what was typed before, that which has what is typed now: Enter, pressed before the next answer is
 * there, must not open another incident than was meant.
 */
export function stillMeant<T extends Pick<Incident, 'key' | 'title'>>(found: readonly T[], typed: string): T[] {
  const text = typed.trim().toLowerCase();
  return found.filter(({ key, title }) => `${key ?? ''} ${title}`.toLowerCase().includes(text));
}
