import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, read } from './client';
import { keys } from './keys';
import { present } from './paging';
import type { components, operations } from './schema';

type Schemas = components['schemas'];

export type LogRecord = Schemas['LogRecord'];
export type LogStats = Schemas['LogStats'];
export type LogPattern = Schemas['LogPattern'];

type Asked = NonNullable<operations['search_logs']['parameters']['query']>;

/** What is searched for; with the window it makes a request. */
export type LogFilter = { [Name in 'query' | 'service' | 'level']?: Asked[Name] | undefined };

export type LogWindow = Required<Pick<Asked, 'from' | 'to'>>;

export type LogOrder = NonNullable<Asked['order']>;

/** The gravest first. */
export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const;
export type Level = (typeof LEVELS)[number];

const LINES_PER_PAGE = 200;
/** Before a line, and as many after it. */
export const LINES_AROUND = 5;
/** The most that the server gives at once. */
const MISSED_LINES = 1_000;
/** Values of a field that are offered as filters. */
const VALUES_SHOWN = 10;

/** `about` names the range and is stable; `window` turns it into instants when the query runs. */
export function logLinesQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow, order: LogOrder) {
  return infiniteQueryOptions({
    queryKey: keys.logs(project, 'lines', { ...filter, ...about, order }),
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/logs', { params: { query: present({ ...asked(filter, window()), order, limit: LINES_PER_PAGE, cursor: pageParam }) }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function logStatsQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow, buckets: number) {
  return queryOptions({
    queryKey: keys.logs(project, 'stats', { ...filter, ...about, buckets }),
    queryFn: ({ signal }) => read(api.GET('/api/v1/logs/stats', { params: { query: { ...asked(filter, window()), buckets } }, signal })),
    placeholderData: keepPreviousData,
  });
}

export function logServicesQuery(project: string, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'services', about),
    queryFn: async ({ signal }) => (await read(api.GET('/api/v1/logs/services', { params: { query: window() }, signal }))).items,
    placeholderData: keepPreviousData,
  });
}

export function logFieldsQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'fields', { ...filter, ...about }),
    queryFn: async ({ signal }) => (await read(api.GET('/api/v1/logs/fields', { params: { query: asked(filter, window()) }, signal }))).items,
    placeholderData: keepPreviousData,
  });
}

export function logFieldValuesQuery(project: string, name: string, filter: LogFilter, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'values', { name, ...filter, ...about }),
    queryFn: async ({ signal }) => {
      const params = { path: { name }, query: { ...asked(filter, window()), limit: VALUES_SHOWN } };
      return (await read(api.GET('/api/v1/logs/fields/{name}', { params, signal }))).items;
    },
  });
}

export function logContextQuery(project: string, id: string, lines: number) {
  return queryOptions({
    queryKey: keys.logs(project, 'context', { id, lines }),
    queryFn: async ({ signal }) =>
      (await read(api.GET('/api/v1/logs/{id}/context', { params: { path: { id }, query: { before: lines, after: lines } }, signal }))).items,
  });
}

export function logPatternsQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'patterns', { ...filter, ...about }),
    queryFn: async ({ signal }) => (await read(api.GET('/api/v1/logs/patterns', { params: { query: asked(filter, window()) }, signal }))).items,
    placeholderData: keepPreviousData,
  });
}

export function exportLogs(format: 'csv' | 'ndjson', filter: LogFilter, window: LogWindow): Promise<Blob> {
  return read(api.GET('/api/v1/logs/export', { params: { query: { ...asked(filter, window), format } }, parseAs: 'blob' }));
}

function asked({ query, service, level }: LogFilter, window: LogWindow): Asked {
  return present({ ...window, ...(query && { query }), ...(service && { service }), ...(level && { level }) });
}

/** Messages of a WebSocket are not part of the OpenAPI document. */
export type TailMessage = { type: 'log'; record: LogRecord } | { type: 'dropped'; count: number };

/** The newest lines since then; asked once, for those who follow. */
export function newestLines(filter: LogFilter, from: string) {
  const query = { ...present({ ...filter, from }), order: 'newest_first' as const, limit: MISSED_LINES };
  return read(api.GET('/api/v1/logs', { params: { query } }));
}

/** Address of the socket on which new lines of a project that match arrive. */
export function tailUrl(project: string, filter: LogFilter, location: Location = window.location): string {
  const query = new URLSearchParams(
    Object.entries({ ...filter, project }).flatMap(([name, value]) => (value ? [[name, String(value)]] : [])),
  );
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/logs/tail?${query}`;
}

/** Null for what this console does not know. */
export function parseTail(text: string): TailMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return null;
  return value.type === 'log' || value.type === 'dropped' ? (value as TailMessage) : null;
}
