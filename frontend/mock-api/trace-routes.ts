import { http, HttpResponse } from 'msw';
import type { MapEdge, MapNode, RedRow, Trace, TraceHeatmap, TraceSpan } from '../src/api/traces';
import { notFound, page, refusedSession } from './answers';
import { has } from './signals';
import { summaryOf, traceIdAt, traceNumber, traceOf } from './trace-seed';

const API = '/api/v1/traces';
/** So many traces of a window are looked at; longer windows are sampled. */
const LOOKED_AT = 600;
/** So many requests each of them stands for. */
const SCALE = 18;

export const traceRoutes = [
  http.get(API, ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, found(request).map(summaryOf)))),
  http.get(`${API}/services`, ({ request }) =>
    answered(request, { items: grouped(recentSpans(), ({ service }) => service).map(([service, spans]) => ({ service, ...counts(spans) })) }),
  ),
  http.get(`${API}/operations`, ({ request }) => {
    const service = new URL(request.url).searchParams.get('service');
    const spans = recentSpans().filter((span) => !service || span.service === service);
    const items = grouped(spans, (span) => `${span.service}\n${span.name}`).map(([key, ones]) => {
      const [of = '', operation = ''] = key.split('\n');
      return { service: of, operation, kinds: [...new Set(ones.map(({ kind }) => kind))], ...counts(ones) };
    });
    return answered(request, { items });
  }),
  http.get(`${API}/durations`, ({ request }) => {
    const points = found(request).map(summaryOf).map((one) => ({
      trace_id: one.trace_id, start: one.start, duration_ms: one.duration_ms, error: one.errors > 0,
      root_service: one.root_service, root_operation: one.root_operation,
    }));
    return answered(request, { points });
  }),
  http.get(`${API}/heatmap`, ({ request }) => answered(request, heatmapOf(request))),
  http.get(`${API}/red`, ({ request }) => {
    const query = new URL(request.url).searchParams;
    const rows = redRows(windowed(request), windowOf(request), Number(query.get('points') ?? 0)).filter((row) => !query.get('service') || row.service === query.get('service'));
    return answered(request, { step_seconds: Math.round(secondsOf(request) / Math.max(1, Number(query.get('points') ?? 60))), items: rows });
  }),
  http.get(`${API}/service-map`, ({ request }) => answered(request, mapOf(windowed(request), secondsOf(request)))),
  http.get<{ id: string }>(`${API}/:id`, ({ request, params }) => {
    const trace = has('traces') ? traceOf(params.id) : undefined;
    return refusedSession(request) ?? (trace ? HttpResponse.json(trace) : notFound());
  }),
];

function answered(request: Request, body: object): Response {
  return refusedSession(request) ?? HttpResponse.json(body);
}

function recentSpans(): TraceSpan[] {
  return between(Date.now() - 3_600_000, Date.now()).slice(0, 200).flatMap(({ spans }) => spans);
}

/** By key, in its order. */
function grouped(spans: readonly TraceSpan[], keyOf: (span: TraceSpan) => string): [string, TraceSpan[]][] {
  const groups = new Map<string, TraceSpan[]>();
  for (const span of spans) groups.set(keyOf(span), [...(groups.get(keyOf(span)) ?? []), span]);
  return [...groups].sort(([left], [right]) => left.localeCompare(right));
}

function counts(spans: readonly TraceSpan[]) {
  return { spans: spans.length, errors: spans.filter(({ status }) => status === 'error').length };
}

function windowOf(request: Request): { from: number; to: number } {
  const query = new URL(request.url).searchParams;
  const to = Date.parse(query.get('to') ?? '') || Date.now();
  return { from: Date.parse(query.get('from') ?? '') || to - 3_600_000, to: Math.min(to, Date.now()) };
}

function secondsOf(request: Request): number {
  const { from, to } = windowOf(request);
  return Math.max(1, (to - from) / 1000);
}

function windowed(request: Request): Trace[] {
  const { from, to } = windowOf(request);
  return between(from, to);
}

/** Newest first. */
function between(from: number, to: number): Trace[] {
  if (!has('traces')) return [];
  const last = traceNumber(to) - 1;
  const stride = Math.max(1, Math.ceil((last - traceNumber(from)) / LOOKED_AT));
  const traces: Trace[] = [];
  for (let number = last; number > traceNumber(from); number -= stride) {
    const trace = traceOf(traceIdAt(number * 4_000));
    if (trace) traces.push(trace);
  }
  return traces;
}

function found(request: Request): Trace[] {
  const query = new URL(request.url).searchParams;
  const text = (name: string) => query.get(name) ?? undefined;
  const attributes = query.getAll('attr').map((pair) => pair.split(/=(.*)/s) as [string, string]);
  return windowed(request).filter((trace) => {
    const { duration_ms: duration, errors } = summaryOf(trace);
    const spanMatches = (span: TraceSpan) =>
      (!text('service') || span.service === text('service')) &&
      (!text('operation') || span.name === text('operation')) &&
      attributes.every(([name, value]) => span.fields[name] === value || span.resource[name] === value);
    return (
      duration >= Number(text('min_duration_ms') ?? 0) &&
      duration <= Number(text('max_duration_ms') ?? Infinity) &&
      (text('error') !== 'true' || errors > 0) &&
      trace.spans.some(spanMatches)
    );
  });
}

const HEATMAP_STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400];

/** Spans by time and by three steps of duration to a decade, as the server counts them. */
function heatmapOf(request: Request): TraceHeatmap {
  const least = secondsOf(request) / Number(new URL(request.url).searchParams.get('columns') ?? 60);
  const step = HEATMAP_STEPS.find((one) => one >= least) ?? 604_800;
  const cells = new Map<string, TraceHeatmap['cells'][number]>();
  for (const span of matchingSpans(request)) {
    const time = new Date(Math.floor(Date.parse(span.start) / 1000 / step) * step * 1000).toISOString();
    const decade = 10 ** Math.floor(Math.log10(Math.max(span.duration_ms, 0.001)));
    const low = ([5, 2].find((one) => span.duration_ms >= one * decade) ?? 1) * decade;
    const key = `${time} ${low.toExponential()}`;
    const cell = cells.get(key) ?? { time, min_ms: rounded(low), max_ms: rounded(low === 2 * decade ? 5 * decade : low * 2), count: 0, errors: 0 };
    cells.set(key, { ...cell, count: cell.count + 1, errors: cell.errors + (span.status === 'error' ? 1 : 0) });
  }
  const shown = [...cells.values()].sort((left, right) => left.time.localeCompare(right.time) || left.min_ms - right.min_ms);
  const total = (name: 'count' | 'errors') => shown.reduce((sum, cell) => sum + cell[name], 0);
  return { step_seconds: step, count: total('count'), errors: total('errors'), complete: true, cells: shown };
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(3));
}

function matchingSpans(request: Request): TraceSpan[] {
  const text = (name: string) => new URL(request.url).searchParams.get(name) ?? undefined;
  return found(request)
    .flatMap(({ spans }) => spans)
    .filter(
      ({ service, duration_ms: duration, status }) =>
        (!text('service') || service === text('service')) &&
        duration >= Number(text('min_duration_ms') ?? 0) &&
        duration <= Number(text('max_duration_ms') ?? Infinity) &&
        (text('error') !== 'true' || status === 'error'),
    );
}

function redRows(traces: readonly Trace[], { from, to }: { from: number; to: number }, pieces: number): RedRow[] {
  const groups = new Map<string, TraceSpan[]>();
  for (const span of traces.flatMap(({ spans }) => spans)) {
    if (span.kind !== 'server' && span.kind !== 'consumer') continue;
    const key = `${span.service}\n${span.name}`;
    groups.set(key, [...(groups.get(key) ?? []), span]);
  }
  return [...groups].map(([key, spans]) => {
    const [service = '', operation = ''] = key.split('\n');
    const width = (to - from) / Math.max(1, pieces);
    const points = Array.from({ length: pieces }, (_, index) => {
      const begin = from + index * width;
      const inside = spans.filter(({ start }) => Date.parse(start) >= begin && Date.parse(start) < begin + width);
      return { time: new Date(begin).toISOString(), ...numbers(inside, width / 1000) };
    });
    return { service, operation, ...numbers(spans, (to - from) / 1000), points };
  });
}

function numbers(spans: readonly TraceSpan[], seconds: number) {
  const sorted = spans.map(({ duration_ms }) => duration_ms).sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const { errors } = counts(spans);
  const mean = sorted.reduce((sum, one) => sum + one, 0) / Math.max(1, sorted.length);
  return {
    count: spans.length * SCALE, errors: errors * SCALE, rate: (spans.length * SCALE) / seconds, error_rate: errors / Math.max(1, spans.length),
    mean_ms: mean, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99),
  };
}

function mapOf(traces: readonly Trace[], seconds: number): { nodes: MapNode[]; edges: MapEdge[] } {
  const nodes = new Map<string, TraceSpan[]>();
  const edges = new Map<string, TraceSpan[]>();
  for (const trace of traces) {
    const byId = new Map(trace.spans.map((span) => [span.span_id, span]));
    for (const span of trace.spans) {
      if (span.kind === 'server' || span.kind === 'consumer') nodes.set(span.service, [...(nodes.get(span.service) ?? []), span]);
      const parent = byId.get(span.parent_id ?? '');
      if (!parent || parent.service === span.service) continue;
      const key = `${parent.service}\n${span.service}`;
      edges.set(key, [...(edges.get(key) ?? []), span]);
    }
  }
  return {
    nodes: [...nodes].map(([service, spans]) => ({ service, kind: 'service', ...numbers(spans, seconds) })),
    edges: [...edges].map(([key, spans]) => {
      const [client = '', server = ''] = key.split('\n');
      return { client, server, server_kind: 'service', ...numbers(spans, seconds) };
    }),
  };
}
