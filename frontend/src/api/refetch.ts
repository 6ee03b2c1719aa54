import type { QueryClient, QueryKey } from '@tanstack/react-query';

/** How a burst of messages becomes one round of refetches. */
const COALESCE_MS = 60;
/** After a round a key rests this many times as long as the round took, so that a storm leaves the screen usable. */
const REST = 2;
const LONGEST_REST_MS = 5_000;

export interface Refetcher {
  add(touched: readonly QueryKey[]): void;
  cancel(): void;
}

/**
 * Turns what changed into refetches. A key whose refetch is under way is not begun anew: it would be cancelled, and
 * while changes come faster than answers the screen would stand still. It is asked once more when the answer is there.
 */
export function collectKeys(client: QueryClient): Refetcher {
  const waiting = new Map<string, QueryKey>();
  const busy = new Set<string>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let cancelled = false;

  const later = (ms: number, act: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  };

  const refetch = async (name: string, queryKey: QueryKey) => {
    const began = Date.now();
    await client.invalidateQueries({ queryKey }).catch(() => undefined);
    if (cancelled) return;
    const rest = Math.min(LONGEST_REST_MS, REST * (Date.now() - began));
    later(Math.max(COALESCE_MS, rest), () => next(name));
  };

  const next = (name: string) => {
    const queryKey = waiting.get(name);
    if (!queryKey) {
      busy.delete(name);
      return;
    }
    waiting.delete(name);
    void refetch(name, queryKey);
  };

  return {
    add(touched) {
      for (const queryKey of touched) {
        const name = JSON.stringify(queryKey);
        waiting.set(name, queryKey);
        if (busy.has(name)) continue;
        busy.add(name);
        later(COALESCE_MS, () => next(name));
      }
    },
    cancel() {
      cancelled = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
