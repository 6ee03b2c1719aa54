import { queryOptions } from '@tanstack/react-query';
import type { NativeSample } from '../util/native-histogram';
import { keys } from './keys';
import { Problem, problemOf } from './problem';
import { requestTo } from './raw';

/** Where the HTTP API of Prometheus is served; Grafana's Prometheus source takes the address without `/api/v1`. */
export const PROMETHEUS_URL = '/prometheus';
const API = `${PROMETHEUS_URL}/api/v1`;

export type Labels = Record<string, string>;
/** Seconds since 1970, and the value as Prometheus writes it. */
export type Sample = [time: number, value: string];

export type InstantResult =
  | { resultType: 'vector'; result: { metric: Labels; value?: Sample; histogram?: NativeSample }[] }
  | { resultType: 'matrix'; result: { metric: Labels; values?: Sample[]; histograms?: NativeSample[] }[] }
  | { resultType: 'scalar' | 'string'; result: Sample };

export interface RangeResult {
  resultType: 'matrix';
  result: { metric: Labels; values?: Sample[]; histograms?: NativeSample[] }[];
}

export interface Exemplars {
  seriesLabels: Labels;
  exemplars: { labels: Labels; value: string; timestamp: number }[];
}

export interface MetricMetadata {
  type: string;
  help: string;
  unit?: string;
}

export interface Answer<T> {
  data: T;
  warnings: readonly string[];
}

interface Body<T> {
  status: 'success' | 'error';
  data?: T;
  errorType?: string;
  error?: string;
  warnings?: string[];
  infos?: string[];
}

export interface Grid {
  start: number;
  end: number;
  step: number;
}

/** A query over time. `grid` is asked for when the query runs, so that the key stays while time passes. */
export function rangeQuery(project: string, expr: string, about: object, grid: () => Grid) {
  return queryOptions({
    queryKey: keys.metrics(project, 'range', { expr, ...about }),
    queryFn: async ({ signal }) => {
      const asked = grid();
      const form = { query: expr, start: asked.start, end: asked.end, step: asked.step };
      return { grid: asked, ...(await post<RangeResult>('query_range', form, signal)) };
    },
  });
}

export function instantQuery(project: string, expr: string, about: object, time: () => number) {
  return queryOptions({
    queryKey: keys.metrics(project, 'instant', { expr, ...about }),
    queryFn: ({ signal }) => post<InstantResult>('query', { query: expr, time: time() }, signal),
  });
}

export function exemplarsQuery(project: string, expr: string, about: object, grid: () => Grid) {
  return queryOptions({
    queryKey: keys.metrics(project, 'exemplars', { expr, ...about }),
    queryFn: async ({ signal }) => {
      const { start, end } = grid();
      return (await post<Exemplars[]>('query_exemplars', { query: expr, start, end }, signal)).data;
    },
    // A server without exemplars answers with an error; the chart is complete without them.
    retry: false,
  });
}

/** Type, help and unit by metric name. */
export function metadataQuery(project: string) {
  return queryOptions({
    queryKey: keys.metrics(project, 'metadata'),
    queryFn: async ({ signal }) => (await get<Record<string, MetricMetadata[]>>('metadata', {}, signal)).data,
    staleTime: 60_000,
  });
}

/** Every metric name; with a matcher only those of its series. */
export function metricNamesQuery(project: string) {
  return queryOptions({
    queryKey: keys.metrics(project, 'names'),
    queryFn: async ({ signal }) => (await get<string[]>('label/__name__/values', {}, signal)).data,
  });
}

/** Label names and their values of one metric's series, from a bounded number of them. */
export function metricLabelsQuery(project: string, metric: string) {
  return queryOptions({
    queryKey: keys.metrics(project, 'labels', { metric }),
    queryFn: async ({ signal }) => {
      const { data } = await get<Labels[]>('series', { 'match[]': metric, limit: SERIES_READ }, signal);
      return labelValues(data);
    },
    enabled: metric !== '',
  });
}

const SERIES_READ = 2_000;

export function labelValues(series: readonly Labels[]): { name: string; values: string[] }[] {
  const found = new Map<string, Set<string>>();
  for (const labels of series) {
    for (const [name, value] of Object.entries(labels)) {
      if (name !== '__name__') found.set(name, (found.get(name) ?? new Set()).add(value));
    }
  }
  return [...found].map(([name, values]) => ({ name, values: [...values].sort() })).sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** `fetch` for the editor's completion: in the session, and for the project of the URL. */
export async function completionFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  return requestTo(input instanceof Request ? input.url : String(input), init);
}

function post<T>(path: string, form: Record<string, string | number>, signal: AbortSignal): Promise<Answer<T>> {
  const body = new URLSearchParams(Object.entries(form).map(([name, value]) => [name, String(value)]));
  return answerOf<T>(requestTo(`${API}/${path}`, { method: 'POST', body, signal }));
}

function get<T>(path: string, query: Record<string, string | number>, signal: AbortSignal): Promise<Answer<T>> {
  return answerOf<T>(requestTo(`${API}/${path}`, { query, signal }));
}

async function answerOf<T>(sent: Promise<Response>): Promise<Answer<T>> {
  const response = await sent;
  const body = (await response.json().catch(() => null)) as Body<T> | null;
  if (body?.status === 'success') {
    return { data: body.data as T, warnings: [...(body.warnings ?? []), ...(body.infos ?? [])] };
  }
  if (body?.status === 'error') throw refusal(response, body);
  throw problemOf(response, body);
}

const TITLES: Record<string, string> = {
  bad_data: 'The query is not valid',
  execution: 'The query could not be evaluated',
  timeout: 'The query took too long',
  unavailable: 'Metrics cannot be read now',
  internal: 'The server failed at this query',
};

/** Prometheus' own error shape as a problem; `rule` is its error type. */
function refusal(response: Response, { errorType, error }: Body<unknown>): Problem {
  return new Problem({
    status: response.status,
    title: TITLES[errorType ?? ''] ?? 'The query failed',
    detail: error ?? null,
    rule: errorType ?? null,
    request_id: response.headers.get('x-request-id') ?? '',
  });
}
