import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { keys } from './keys';
import { getJson } from './raw';

export interface TraceSummary {
  trace_id: string;
  root_service: string;
  root_operation: string;
  start: string;
  duration_ms: number;
  spans: number;
  errors: number;
  services: string[];
}

export interface SpanEvent {
  time: string;
  name: string;
  fields: Record<string, string>;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  fields?: Record<string, string>;
}

export interface TraceSpan {
  span_id: string;
  parent_id?: string | null;
  service: string;
  name: string;
  kind: string;
  start: string;
  duration_ms: number;
  status: 'unset' | 'ok' | 'error';
  status_message?: string | null;
  fields: Record<string, string>;
  resource: Record<string, string>;
  events: SpanEvent[];
  links: SpanLink[];
  scope?: string | { name: string; version?: string } | null;
}

export interface Trace {
  trace_id: string;
  spans: TraceSpan[];
}

export interface TraceFilter {
  service?: string | undefined;
  operation?: string | undefined;
  /** Attribute filters, `name=value` each. */
  attr?: readonly string[] | undefined;
  min_duration_ms?: number | undefined;
  max_duration_ms?: number | undefined;
  error?: boolean | undefined;
}

export interface TraceWindow {
  from: string;
  to: string;
}

export interface TracePoint {
  trace_id: string;
  start: string;
  duration_ms: number;
  error: boolean;
  root_service?: string;
  root_operation?: string;
}

export interface RedRow {
  service: string;
  operation: string;
  /** Requests per second. */
  rate: number;
  error_rate: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  count: number;
  /** The range in equal pieces, oldest first; a piece without requests has a rate of 0. */
  points?: { time: string; rate: number; error_rate: number; p95_ms: number | null }[];
}

export interface MapNode {
  service: string;
  rate: number;
  error_rate: number;
  p95_ms: number;
}

export interface MapEdge {
  client: string;
  server: string;
  count: number;
  error_rate: number;
  p95_ms: number;
}

export interface ServiceMap {
  nodes: MapNode[];
  edges: MapEdge[];
}

const TRACES_PER_PAGE = 100;
/** Pieces of the range in a sparkline. */
const SPARK_POINTS = 30;
const API = '/api/v1/traces';

export function traceListQuery(project: string, filter: TraceFilter, about: object, window: () => TraceWindow) {
  return infiniteQueryOptions({
    queryKey: keys.traces(project, 'list', { ...filter, ...about }),
    queryFn: ({ pageParam, signal }) =>
      getJson<{ items: TraceSummary[]; next_cursor?: string | null }>(
        API,
        { ...filter, ...window(), limit: TRACES_PER_PAGE, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function traceQuery(project: string, id: string) {
  return queryOptions({
    queryKey: keys.traces(project, 'one', { id }),
    queryFn: ({ signal }) => getJson<Trace>(`${API}/${encodeURIComponent(id)}`, {}, signal),
  });
}

export function durationsQuery(project: string, filter: TraceFilter, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'durations', { ...filter, ...about }),
    queryFn: async ({ signal }) => {
      const asked = window();
      const answer = await getJson<{ points: TracePoint[] }>(`${API}/durations`, { ...filter, ...asked }, signal);
      return { points: answer.points, window: asked };
    },
    placeholderData: keepPreviousData,
  });
}

export function traceServicesQuery(project: string) {
  return queryOptions({
    queryKey: keys.traces(project, 'services'),
    queryFn: async ({ signal }) => (await getJson<{ items: { service: string }[] }>(`${API}/services`, {}, signal)).items.map(({ service }) => service),
  });
}

export function traceOperationsQuery(project: string, service: string) {
  return queryOptions({
    queryKey: keys.traces(project, 'operations', { service }),
    queryFn: async ({ signal }) =>
      (await getJson<{ items: { operation: string }[] }>(`${API}/operations`, { service }, signal)).items.map(({ operation }) => operation),
    enabled: service !== '',
  });
}

export function redQuery(project: string, service: string | undefined, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'red', { service, ...about }),
    queryFn: async ({ signal }) => (await getJson<{ items: RedRow[] }>(`${API}/red`, { service, ...window(), points: SPARK_POINTS }, signal)).items,
    placeholderData: keepPreviousData,
  });
}

export function serviceMapQuery(project: string, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'map', about),
    queryFn: ({ signal }) => getJson<ServiceMap>(`${API}/service-map`, { ...window() }, signal),
    placeholderData: keepPreviousData,
  });
}
