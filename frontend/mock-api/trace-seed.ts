import type { Trace, TraceSpan, TraceSummary } from '../src/api/traces';
import { noise, pick, trouble } from './noise';

/** A trace begins every so often; its number is its place in time and part of its id. */
const EVERY_MS = 4_000;

interface Step {
  service: string;
  name: string;
  kind: TraceSpan['kind'];
  /** Own time in milliseconds. */
  own: number;
  calls: Step[];
  parallel?: boolean;
  fields?: Record<string, string>;
}

function step(service: string, name: string, kind: TraceSpan['kind'], own: number, calls: Step[] = [], more: Partial<Step> = {}): Step {
  return { service, name, kind, own, calls, ...more };
}

const sql = (service: string, table: string, own: number) =>
  step(service, `SELECT ${table}`, 'client', own, [], { fields: { 'db.system': 'postgresql', 'db.name': service, 'db.statement': `SELECT * FROM ${table} WHERE id = $1` } });

const PAY = step('checkout', 'POST /charge', 'client', 1, [
  step('payments', 'POST /charge', 'server', 6, [
    sql('payments', 'customers', 4),
    step('payments', 'acquire connection', 'internal', 3),
    sql('payments', 'charges', 9),
    step('payments', 'POST /v1/payment_intents', 'client', 48, [], { fields: { 'server.address': 'psp.example.net', 'http.response.status_code': '200' } }),
  ]),
]);

const STORIES: readonly Step[] = [
  step('frontend', 'POST /checkout', 'server', 4, [
    step('frontend', 'render cart', 'internal', 7),
    step('frontend', 'POST /orders', 'client', 1, [
      step('checkout', 'POST /orders', 'server', 8, [
        sql('checkout', 'carts', 5),
        step('checkout', 'GET /stock', 'client', 1, [
          step('inventory', 'GET /stock', 'server', 4, Array.from({ length: 6 }, (_, item) => step('inventory', 'GET stock', 'client', 1 + item * 0.4, [], { fields: { 'db.system': 'redis', 'db.operation': `GET stock:${item}` } })), { parallel: true }),
        ]),
        PAY,
        step('checkout', 'orders publish', 'producer', 2, [step('mail', 'orders process', 'consumer', 22, [step('mail', 'SMTP send', 'client', 31)])]),
      ]),
    ]),
  ]),
  step('frontend', 'GET /search', 'server', 3, [
    step('search', 'GET /query', 'server', 5, [
      step('search', 'parse', 'internal', 1),
      step('search', 'fan out', 'internal', 2, ['shard-0', 'shard-1', 'shard-2', 'shard-3'].map((shard, index) => step('search', `query ${shard}`, 'internal', 12 + index * 5)), { parallel: true }),
      step('search', 'rank', 'internal', 9),
    ]),
  ]),
  step('frontend', 'GET /product', 'server', 5, [
    step('inventory', 'GET /product', 'server', 3, [sql('inventory', 'products', 6)]),
    step('recommendations', 'GET /similar', 'server', 24, [step('recommendations', 'score', 'internal', 14)]),
  ], { parallel: true }),
  step('frontend', 'GET /health', 'server', 0.3),
];

export function traceNumber(ms: number): number {
  return Math.floor(ms / EVERY_MS);
}

export function traceIdAt(ms: number): string {
  return traceId(traceNumber(ms));
}

function traceId(number: number): string {
  const head = Math.floor(noise('trace', number) * 2 ** 32).toString(16).padStart(8, '0');
  return `${head}5f3a91c77e20${number.toString(16).padStart(12, '0')}`;
}

export function traceOf(id: string): Trace | undefined {
  const number = Number.parseInt(id.slice(-12), 16);
  if (!Number.isFinite(number) || traceId(number) !== id) return undefined;
  const begin = number * EVERY_MS + noise('begin', number) * 1500;
  const builder = new Builder(number, begin);
  builder.run(pick(STORIES, noise('story', number) ** 1.3), null, begin);
  return { trace_id: id, spans: builder.spans, truncated: false };
}

export function summaryOf(trace: Trace): TraceSummary {
  const root = trace.spans.find(({ parent_id }) => parent_id === null) as TraceSpan;
  return {
    trace_id: trace.trace_id, root_arrived: true, root_service: root.service, root_operation: root.name, start: root.start, duration_ms: root.duration_ms,
    spans: trace.spans.length, errors: trace.spans.filter(({ status }) => status === 'error').length,
    services: [...new Set(trace.spans.map(({ service }) => service))],
  };
}

class Builder {
  readonly spans: TraceSpan[] = [];
  readonly #number: number;
  readonly #failing: boolean;

  constructor(number: number, begin: number) {
    this.#number = number;
    this.#failing = noise('fails', number) < 0.01 + 0.34 * trouble(begin / 1000);
  }

  /** Adds the step's span and those beneath it; answers when it ends, in milliseconds, and whether it failed. */
  run(one: Step, parent: string | null, begin: number): { end: number; failed: boolean } {
    const place = this.spans.length;
    const spanId = Math.floor(noise(`span${place}`, this.#number) * 2 ** 52).toString(16).padStart(16, '0');
    const waits = this.#failing && one.name === 'acquire connection';
    const own = waits ? 3000 : one.own * (0.6 + noise(`own${place}`, this.#number) * (noise(`slow${place}`, this.#number) > 0.96 ? 12 : 1.2));
    const span: TraceSpan = {
      span_id: spanId, parent_id: parent, service: one.service, name: one.name, kind: one.kind, start: iso(begin), duration_ms: 0, duration_ns: 0,
      status: 'unset', status_message: '', trace_state: '', fields: { ...httpFields(one), ...one.fields },
      resource: { 'service.name': one.service, 'service.version': '2.14.1', 'deployment.environment.name': 'production', 'k8s.pod.name': `${one.service}-7d9f8b6c5-x2v${this.#number % 7}` },
      events: [], links: [], scope: 'io.opentelemetry.auto',
    };
    this.spans.push(span);
    let cursor = begin + own / 2;
    let end = cursor;
    let failed = waits;
    for (const call of one.calls) {
      if (failed && !one.parallel) break;
      const ended = this.run(call, spanId, cursor + 0.2);
      failed ||= ended.failed && call.kind !== 'producer';
      end = Math.max(end, ended.end);
      if (!one.parallel && call.kind !== 'producer') cursor = ended.end;
    }
    const finish = (one.kind === 'producer' ? cursor : Math.max(cursor, one.parallel ? end : cursor)) + own / 2;
    span.duration_ms = Number((finish - begin).toFixed(3));
    span.duration_ns = Math.round(span.duration_ms * 1e6);
    if (failed) this.#fail(span, waits, begin);
    return { end: finish, failed };
  }

  #fail(span: TraceSpan, first: boolean, begin: number): void {
    span.status = 'error';
    span.status_message = first ? 'timed out waiting for a connection: 200 of 200 in use' : 'upstream failed';
    if ('http.response.status_code' in span.fields) span.fields['http.response.status_code'] = '502';
    if (first) {
      span.events.push({
        time: iso(begin + span.duration_ms), name: 'exception',
        fields: { 'exception.type': 'PoolTimeout', 'exception.message': 'timed out after 3 s', 'exception.stacktrace': 'PoolTimeout: timed out after 3 s\n    at Pool.acquire (pool.ts:118)\n    at charge (charge.ts:41)' },
      });
      span.links.push({ trace_id: traceId(this.#number - 3), span_id: '00f067aa0ba902b7', fields: {} });
    }
  }
}

function httpFields(one: Step): Record<string, string> {
  const [method, route] = one.name.split(' ');
  if (one.kind !== 'server' || !route) return {};
  return { 'http.request.method': method ?? 'GET', 'http.route': route, 'http.response.status_code': '200' };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
