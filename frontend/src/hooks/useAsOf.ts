import { notifyManager, useQueryClient, type QueryClient, type QueryKey } from '@tanstack/react-query';
import { useCallback, useSyncExternalStore } from 'react';

/** What is asked of a range, and of which no message says that there is more by now; names of metrics and the like are none. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  metrics: ['range', 'instant'],
  logs: ['lines', 'stats', 'patterns'],
  traces: ['list', 'durations', 'heatmap', 'red', 'map'],
};

/** When (ms) the oldest answer was asked for that is on the screen and does not follow what happens; undefined where all does. */
export function asOf(client: QueryClient): number | undefined {
  const shown = client.getQueryCache().findAll({ queryKey: ['p'], type: 'active' });
  const times = shown.flatMap(({ queryKey, state }) => (isAsked(queryKey) && state.dataUpdatedAt > 0 ? [state.dataUpdatedAt] : []));
  return times.length > 0 ? Math.min(...times) : undefined;
}

function isAsked([, , signal, what]: QueryKey): boolean {
  return ASKED[String(signal)]?.includes(String(what)) ?? false;
}

export function useAsOf(): number | undefined {
  const client = useQueryClient();
  return useSyncExternalStore(
    useCallback((changed: () => void) => client.getQueryCache().subscribe(notifyManager.batchCalls(changed)), [client]),
    () => asOf(client),
  );
}
