import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, read } from './client';
import { keys } from './keys';
import { present } from './paging';
import type { components, operations } from './schema';
import { withoutUnfinished } from '../util/service-health';

type Schemas = components['schemas'];

export type MapEdge = Schemas['MapEdge'];
export type MapNode = Schemas['MapNode'];
export type RedRow = Schemas['RedRow'];
export type ServiceMap = Schemas['ServiceMap'];
export type Trace = Schemas['Trace'];
export type TraceHeatCell = Schemas['HeatmapCell'];
export type TraceHeatmap = Schemas['TraceHeatmap'];
export type TracePoint = Schemas['DurationPoint'];
export type TraceSpan = Schemas['Span'];
export type TraceSummary = Schemas['TraceSummary'];

type Asked = NonNullable<operations['list_traces']['parameters']['query']>;
type Condition = 'service' | 'operation' | 'attr' | 'min_duration_ms' | 'max_duration_ms' | 'error';

/** What one span of the trace must be; `attr` holds `name=value` each. */
export type TraceFilter = { [Name in Condition]?: Asked[Name] | undefined };

export type TraceWindow = Required<Pick<Asked, 'from' | 'to'>>;

const TRACES_PER_PAGE = 100;
/** Pieces of the range in a sparkline. */
const SPARK_POINTS = 30;
const HEATMAP_COLUMNS = 60;

/** `about` names the range and is stable; `window` turns it into instants when the query runs. */
export function traceListQuery(project: string, filter: TraceFilter, about: object, window: () => TraceWindow) {
  return infiniteQueryOptions({
    queryKey: keys.traces(project, 'list', { ...filter, ...about }),
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/traces', { params: { query: { ...asked(filter, window()), limit: TRACES_PER_PAGE, ...(pageParam && { cursor: pageParam }) } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function traceQuery(project: string, id: string) {
  return queryOptions({
    queryKey: keys.traces(project, 'one', { id }),
    queryFn: ({ signal }) => read(api.GET('/api/v1/traces/{trace_id}', { params: { path: { trace_id: id } }, signal })),
  });
}

export function durationsQuery(project: string, filter: TraceFilter, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'durations', { ...filter, ...about }),
    queryFn: async ({ signal }) => {
      const range = window();
      const { points } = await read(api.GET('/api/v1/traces/durations', { params: { query: asked(filter, range) }, signal }));
      return { points, window: range };
    },
    placeholderData: keepPreviousData,
  });
}

export function heatmapQuery(project: string, filter: TraceFilter, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'heatmap', { ...filter, ...about }),
    queryFn: async ({ signal }) => {
      const range = window();
      const heatmap = await read(api.GET('/api/v1/traces/heatmap', { params: { query: { ...asked(filter, range), columns: HEATMAP_COLUMNS } }, signal }));
      return { heatmap, window: range };
    },
    placeholderData: keepPreviousData,
  });
}

export function traceServicesQuery(project: string, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'services', about),
    queryFn: async ({ signal }) =>
      (await read(api.GET('/api/v1/traces/services', { params: { query: window() }, signal }))).items.map(({ service }) => service),
    placeholderData: keepPreviousData,
  });
}

export function traceOperationsQuery(project: string, service: string, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'operations', { service, ...about }),
    queryFn: async ({ signal }) =>
      (await read(api.GET('/api/v1/traces/operations', { params: { query: { service, ...window() } }, signal }))).items.map(({ operation }) => operation),
    enabled: service !== '',
  });
}

export function redQuery(project: string, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'red', about),
    queryFn: async ({ signal }) => {
      const asked = window();
      const table = await read(api.GET('/api/v1/traces/red', { params: { query: { ...asked, by: 'operation', points: SPARK_POINTS } }, signal }));
      return withoutUnfinished(table, asked.to);
    },
    placeholderData: keepPreviousData,
  });
}

export function serviceMapQuery(project: string, about: object, window: () => TraceWindow) {
  return queryOptions({
    queryKey: keys.traces(project, 'map', about),
    queryFn: ({ signal }) => read(api.GET('/api/v1/traces/service-map', { params: { query: window() }, signal })),
    placeholderData: keepPreviousData,
  });
}

function asked(filter: TraceFilter, window: TraceWindow): Asked {
  return { ...(present(filter) as Asked), ...window };
}
