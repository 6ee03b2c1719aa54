import { http, HttpResponse, ws, type WebSocketHandler } from 'msw';
import { CLOSE_OTHER_PROJECT } from '../src/api/live';
import type { LogFilter, LogRecord } from '../src/api/logs';
import { meets, type Term } from '../src/util/log-query';
import { notFound, page, refusedSession } from './answers';
import { lineNumber, lineOf, patternOf } from './log-seed';
import { has } from './signals';
import { state } from './store';

const API = '/api/v1/logs';
/** So many lines of a window are looked at; longer windows are sampled and the counts scaled. */
const LOOKED_AT = 6_000;

export const logRoutes = [
  http.get(API, ({ request }) => answered(request, (query) => {
    const { lines } = found(query);
    const oldestFirst = query.get('order') === 'oldest_first';
    return { ...page(request, oldestFirst ? lines.toReversed() : lines), scanned: scanned(lines) };
  })),
  http.get(`${API}/stats`, ({ request }) => answered(request, stats)),
  http.get(`${API}/services`, ({ request }) =>
    answered(request, (query) => {
      const { lines, scale } = found(query);
      return { items: counted(lines.map(({ service }) => service), scale).map(({ value, count }) => {
        const of = lines.filter(({ service }) => service === value);
        return { service: value, count, levels: levelsOf(of, scale), last_seen: of[0]?.time };
      }) };
    }),
  ),
  http.get(`${API}/fields`, ({ request }) =>
    answered(request, (query) => {
      const { lines, scale } = found(query);
      return { items: counted(lines.flatMap((line) => [...Object.keys(line.fields), ...Object.keys(line.resource)]), scale).map(({ value, count }) => ({ name: value, count })), ...sample(lines) };
    }),
  ),
  http.get<{ name: string }>(`${API}/fields/:name`, ({ request, params }) =>
    answered(request, (query) => {
      const { lines, scale } = found(query);
      const items = counted(lines.flatMap((line) => line.fields[params.name] ?? line.resource[params.name] ?? []), scale);
      const records = items.reduce((sum, { count }) => sum + count, 0);
      return { name: params.name, items: items.slice(0, Number(query.get('limit') ?? 20)), distinct: items.length, records, ...sample(lines) };
    }),
  ),
  http.get<{ id: string }>(`${API}/:id/context`, ({ request, params }) => {
    const number = Number(params.id.replace('line-', ''));
    if (!Number.isInteger(number)) return notFound();
    return answered(request, (query) => {
      const { service } = lineOf(number);
      const around = Array.from({ length: 400 }, (_, index) => lineOf(number - 200 + index)).filter((line) => line.service === service);
      const place = around.findIndex(({ id }) => id === params.id);
      const [after, before] = [Number(query.get('after') ?? 10), Number(query.get('before') ?? 10)];
      const first = Math.max(0, place - before);
      return { items: around.slice(first, place + after + 1), index: place - first };
    });
  }),
  http.get(`${API}/patterns`, ({ request }) =>
    answered(request, (query) => {
      const { lines, scale } = found(query);
      const samples = new Map(lines.map((line) => [patternOf(line), line]));
      const items = counted(lines.map(patternOf), scale).map(({ value, count }) => {
        const of = lines.filter((line) => patternOf(line) === value);
        return {
          pattern: value, count, level: samples.get(value)?.level ?? 'info', sample: samples.get(value)?.body ?? '',
          first: of.at(-1)?.time, last: of[0]?.time,
        };
      });
      return { items, ...sample(lines) };
    }),
  ),
  http.get(`${API}/export`, ({ request }) => {
    const query = new URL(request.url).searchParams;
    const { lines } = found(query);
    const text = query.get('format') === 'csv'
      ? ['time,level,service,body', ...lines.map((line) => [line.time, line.level, line.service, JSON.stringify(line.body)].join(','))].join('\n')
      : lines.map((line) => JSON.stringify(line)).join('\n');
    return refusedSession(request) ?? HttpResponse.text(text);
  }),
];

const tail = ws.link(/\/api\/v1\/logs\/tail(\?.*)?$/);
const TAIL_MS = 700;

export const logHandlers: WebSocketHandler[] = [
  tail.addEventListener('connection', ({ client }) => {
    const asked = client.url.searchParams.get('project');
    if (asked && asked !== state().project) return client.close(CLOSE_OTHER_PROJECT, 'the credential is for another project');
    const filter = filterOf(client.url.searchParams);
    let next = lineNumber(Date.now());
    const timer = setInterval(() => {
      for (; next <= lineNumber(Date.now()); next += 1) {
        const record = { ...lineOf(next), time: new Date().toISOString() };
        if (has('logs') && matches(record, filter)) client.send(JSON.stringify({ type: 'log', record }));
      }
    }, TAIL_MS);
    client.addEventListener('close', () => clearInterval(timer));
  }),
];

function answered(request: Request, act: (query: URLSearchParams) => object): Response {
  return refusedSession(request) ?? HttpResponse.json(act(new URL(request.url).searchParams));
}

function windowOf(query: URLSearchParams): { from: number; to: number } {
  const now = Date.now();
  const from = Date.parse(query.get('from') ?? '');
  return { from: Math.max(Number.isNaN(from) ? 0 : from, now - 90 * 86_400_000), to: Math.min(Date.parse(query.get('to') ?? '') || now, now) };
}

/** Newest first. */
function found(query: URLSearchParams): { lines: LogRecord[]; scale: number } {
  if (!has('logs')) return { lines: [], scale: 1 };
  const { from, to } = windowOf(query);
  const filter = filterOf(query);
  const [first, last] = [lineNumber(from), lineNumber(to) - 1];
  const stride = Math.max(1, Math.ceil((last - first) / LOOKED_AT));
  const lines: LogRecord[] = [];
  for (let number = last; number > first; number -= stride) {
    const line = lineOf(number);
    if (matches(line, filter)) lines.push(line);
  }
  return { lines, scale: stride };
}

interface Filter extends LogFilter {
  query: string;
}

function filterOf(query: URLSearchParams): Filter {
  return { query: query.get('query') ?? '', service: query.get('service') ?? undefined, level: query.get('level') ?? undefined };
}

function matches(line: LogRecord, { query, service, level }: Filter): boolean {
  if (service && !service.split(',').includes(line.service)) return false;
  if (level && !level.split(',').includes(line.level)) return false;
  return meets(query, (term) => termMatches(line, term));
}

function termMatches(line: LogRecord, { field, value }: Term): boolean {
  if (field === undefined) return line.body.toLowerCase().includes(value.toLowerCase());
  const known: Record<string, string | null | undefined> = { ...line.resource, ...line.fields, service: line.service, level: line.level, trace_id: line.trace_id, span_id: line.span_id };
  return known[field] === value;
}

function stats(query: URLSearchParams) {
  const { from, to } = windowOf(query);
  const { lines, scale } = found(query);
  const count = Number(query.get('buckets') ?? 60);
  const width = (to - from) / count;
  const buckets = Array.from({ length: count }, (_, index) => ({
    time: new Date(from + index * width).toISOString(),
    count: 0,
    counts: {} as Record<string, number>,
  }));
  for (const line of lines) {
    const bucket = buckets[Math.min(count - 1, Math.floor((Date.parse(line.time) - from) / width))];
    if (!bucket) continue;
    bucket.counts[line.level] = (bucket.counts[line.level] ?? 0) + scale;
    bucket.count += scale;
  }
  return { buckets, total: lines.length * scale, counts: levelsOf(lines, scale), step_seconds: Math.round(width / 1000), scanned: scanned(lines) };
}

function levelsOf(lines: readonly LogRecord[], scale: number): Record<string, number> {
  return Object.fromEntries(counted(lines.map(({ level }) => level), scale).map(({ value, count }) => [value, count]));
}

function scanned(lines: readonly LogRecord[]) {
  return { segments: 1, records: lines.length, bytes: lines.length * 300 };
}

function sample(lines: readonly LogRecord[]) {
  return { sampled: lines.length, complete: true };
}

function counted(values: readonly string[], scale: number): { value: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + scale);
  return [...counts].map(([value, count]) => ({ value, count })).sort((left, right) => right.count - left.count);
}
