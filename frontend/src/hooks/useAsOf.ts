import { notifyManager, useQueryClient, type QueryClient, type QueryKey } from '@tanstack/react-query';
import { useCallback, useSyncExternalStore } from 'react';

/**
 * Of what no message says that there is more by now, by the first parts of its key; names of metrics and the like are
 * none. The settings among it are changed by others, too.
 */
const ASKED: Readonly<Record<string, readonly string[] | 'all'>> = {
  metrics: ['range', 'instant'],
  logs: ['lines', 'stats', 'patterns'],
  traces: ['list', 'durations', 'heatmap', 'red', 'map', 'one'],
  audit: ['list', 'stats'],
  telemetry: 'all',
  usage: 'all',
  'refused-webhooks': 'all',
  'single-sign-on': 'all',
  sessions: 'all',
  'second-factor': 'all',
};

/** When (ms) the oldest answer was asked for that is on the screen and does not follow what happens; undefined where all does. */
export function asOf(client: QueryClient): number | undefined {
  const shown = client.getQueryCache().findAll({ type: 'active' });
  const times = shown.flatMap(({ queryKey, state }) => (isAsked(queryKey) && state.dataUpdatedAt > 0 ? [state.dataUpdatedAt] : []));
  return times.length > 0 ? Math.min(...times) : undefined;
}

/** What is of a project begins with it: `p`, its id, the thing. */
function isAsked(key: QueryKey): boolean {
  const [thing, what] = key[0] === 'p' ? key.slice(2) : key;
  const asked = Object.hasOwn(ASKED, String(thing)) ? ASKED[String(thing)] : undefined;
  return asked === 'all' || (asked?.includes(String(what)) ?? false);
}

export function useAsOf(): number | undefined {
  const client = useQueryClient();
  return useSyncExternalStore(
    useCallback((changed: () => void) => client.getQueryCache().subscribe(notifyManager.batchCalls(changed)), [client]),
    () => asOf(client),
  );
}
