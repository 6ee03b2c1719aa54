import { queryOptions } from '@tanstack/react-query';
import { keys } from './keys';
import { api, read } from './client';
import { getJson } from './raw';

export type Signal = 'metrics' | 'logs' | 'traces';

const POLL_MS = 3_000;

/** Whether the project has ever received the signal; asked again while it has not, so that an empty page turns by itself. */
export function arrivalQuery(project: string, signal: Signal) {
  return queryOptions({
    queryKey: keys.arrival(project, signal),
    queryFn: ({ signal: abort }) => ASK[signal](abort),
    // What has arrived once has arrived.
    staleTime: (query) => (query.state.data === true ? Infinity : 0),
    refetchInterval: (query) => (query.state.data === true ? false : POLL_MS),
  });
}

const ASK: Record<Signal, (abort: AbortSignal) => Promise<boolean>> = {
  metrics: async (abort) => {
    const { data } = await getJson<{ data: string[] }>('/prometheus/api/v1/label/__name__/values', { limit: 1 }, abort);
    return data.length > 0;
  },
  logs: async (abort) => (await read(api.GET('/api/v1/logs', { params: { query: { ...everything(), limit: 1 } }, signal: abort }))).items.length > 0,
  traces: async (abort) => (await read(api.GET('/api/v1/traces', { params: { query: { ...everything(), limit: 1 } }, signal: abort }))).items.length > 0,
};

function everything(): { from: string; to: string } {
  return { from: new Date(0).toISOString(), to: new Date().toISOString() };
}
