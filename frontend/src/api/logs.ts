import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { keys } from './keys';
import { getFile, getJson } from './raw';

export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogRecord {
  id: string;
  time: string;
  level: Level;
  /** The sender's own word for the level. */
  level_text: string;
  service: string;
  body: string;
  trace_id?: string | null;
  span_id?: string | null;
  fields: Record<string, string>;
  resource: Record<string, string>;
}

/** What is searched for; with the window it makes a request. */
export interface LogFilter {
  query?: string | undefined;
  service?: string | undefined;
  level?: string | undefined;
}

export interface LogWindow {
  from: string;
  to: string;
}

interface LogPage {
  items: LogRecord[];
  next_cursor?: string | null;
}

export interface LogStats {
  buckets: { time: string; counts: Partial<Record<Level, number>> }[];
  total: number;
}

export interface LogPattern {
  pattern: string;
  count: number;
  level: Level;
  sample: string;
}

export interface FieldCount {
  name: string;
  count: number;
}

export interface ValueCount {
  value: string;
  count: number;
}

const LINES_PER_PAGE = 200;
const API = '/api/v1/logs';

/** `about` names the range and is stable; `window` turns it into instants when the query runs. */
export function logLinesQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow) {
  return infiniteQueryOptions({
    queryKey: keys.logs(project, 'lines', { ...filter, ...about }),
    queryFn: ({ pageParam, signal }) =>
      getJson<LogPage>(API, { ...filter, ...window(), limit: LINES_PER_PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function logStatsQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow, buckets: number) {
  return queryOptions({
    queryKey: keys.logs(project, 'stats', { ...filter, ...about, buckets }),
    queryFn: async ({ signal }) => {
      const asked = window();
      return { ...(await getJson<LogStats>(`${API}/stats`, { ...filter, ...asked, buckets }, signal)), window: asked };
    },
    placeholderData: keepPreviousData,
  });
}

export function logServicesQuery(project: string, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'services', about),
    queryFn: async ({ signal }) =>
      (await getJson<{ items: { service: string; count: number }[] }>(`${API}/services`, { ...window() }, signal)).items,
    placeholderData: keepPreviousData,
  });
}

export function logFieldsQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'fields', { ...filter, ...about }),
    queryFn: async ({ signal }) =>
      (await getJson<{ items: FieldCount[] }>(`${API}/fields`, { ...filter, ...window() }, signal)).items,
    placeholderData: keepPreviousData,
  });
}

export function logFieldValuesQuery(project: string, name: string, filter: LogFilter, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'values', { name, ...filter, ...about }),
    queryFn: async ({ signal }) =>
      (await getJson<{ items: ValueCount[] }>(`${API}/fields/${encodeURIComponent(name)}`, { ...filter, ...window() }, signal)).items,
  });
}

export function logContextQuery(project: string, id: string, lines: number) {
  return queryOptions({
    queryKey: keys.logs(project, 'context', { id, lines }),
    queryFn: async ({ signal }) =>
      (await getJson<{ items: LogRecord[] }>(`${API}/${encodeURIComponent(id)}/context`, { before: lines, after: lines }, signal)).items,
  });
}

export function logPatternsQuery(project: string, filter: LogFilter, about: object, window: () => LogWindow) {
  return queryOptions({
    queryKey: keys.logs(project, 'patterns', { ...filter, ...about }),
    queryFn: async ({ signal }) =>
      (await getJson<{ items: LogPattern[] }>(`${API}/patterns`, { ...filter, ...window() }, signal)).items,
    placeholderData: keepPreviousData,
  });
}

export function exportLogs(format: 'csv' | 'ndjson', filter: LogFilter, window: LogWindow): Promise<Blob> {
  return getFile(`${API}/export`, { format, ...filter, ...window });
}

export type TailMessage = { type: 'log'; record: LogRecord } | { type: 'dropped'; count: number };

/** Address of the socket on which new lines that match arrive. */
export function tailUrl(filter: LogFilter, location: Location = window.location): string {
  const query = new URLSearchParams(
    Object.entries(filter).flatMap(([name, value]) => (value ? [[name, String(value)]] : [])),
  );
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${API}/tail?${query}`;
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
