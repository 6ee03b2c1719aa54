import type { Level, LogRecord } from '../src/api/logs';
import { noise, pick, trouble } from './noise';
import { traceIdAt } from './trace-seed';

/** A line is written every so often; its number is its place in time and its id. */
const EVERY_MS = 1_500;

interface Template {
  service: string;
  level: Level;
  /** `{name}` is replaced by the field. */
  text: string;
  fields: Record<string, readonly string[]>;
  traced?: boolean;
}

const USUAL: readonly Template[] = [
  { service: 'frontend', level: 'info', text: '{method} {path} answered {status} in {ms} ms', traced: true, fields: { method: ['GET', 'POST'], path: ['/product', '/search', '/cart', '/checkout'], status: ['200', '200', '304'], ms: ['8', '14', '31', '127'] } },
  { service: 'checkout', level: 'info', text: 'order {order} placed: {items} items', traced: true, fields: { order: ['o-91822', 'o-91823', 'o-91830'], items: ['1', '2', '5'] } },
  { service: 'payments', level: 'info', text: 'charge {charge} captured', traced: true, fields: { charge: ['ch_1QxT', 'ch_9ZpA', 'ch_44Lm'], currency: ['EUR', 'SEK'] } },
  { service: 'search', level: 'debug', text: 'query "{term}" fanned out to {shards} shards', fields: { term: ['running shoes', 'lamp', 'espresso cups'], shards: ['4'] } },
  { service: 'inventory', level: 'info', text: 'stock of {sku} is {left}', fields: { sku: ['sku-1101', 'sku-2207', 'sku-3310'], left: ['0', '4', '18'] } },
  { service: 'inventory', level: 'warn', text: 'cache miss ratio is {ratio} over 1 min', fields: { ratio: ['0.41', '0.44'] } },
  { service: 'mail', level: 'info', text: 'delivered {template} to {domain}', fields: { template: ['order-confirmation', 'password-reset'], domain: ['example.org', 'example.com'] } },
  { service: 'search', level: 'warn', text: 'shard {shard} answered after {ms} ms, above the budget of 200 ms', fields: { shard: ['shard-2', 'shard-3'], ms: ['231', '412'] } },
  { service: 'postgres', level: 'info', text: 'checkpoint complete: wrote {buffers} buffers', fields: { buffers: ['812', '1044'] } },
];

const FAILING: readonly Template[] = [
  { service: 'payments', level: 'error', text: 'timed out waiting for a connection: {used} of 200 in use', traced: true, fields: { used: ['200'], 'error.type': ['PoolTimeout'], 'exception.stacktrace': ['PoolTimeout: no connection within 3 s\n    at Pool.acquire (pool.js:88:11)\n    at charge (charge.js:41:7)'] } },
  { service: 'checkout', level: 'error', text: 'POST /charge answered 502 after {ms} ms, order {order} not placed', traced: true, fields: { ms: ['3004', '3011', '3002'], order: ['o-91871', 'o-91875'], 'error.type': ['UpstreamError'] } },
  { service: 'payments', level: 'warn', text: 'retrying charge {charge}, attempt {attempt} of 3', traced: true, fields: { charge: ['ch_71Kd', 'ch_0PwQ'], attempt: ['2', '3'] } },
  { service: 'payments', level: 'fatal', text: 'worker gives up: the pool has been full for 30 s', fields: { worker: ['w-1', 'w-4'] } },
];

export function lineNumber(ms: number): number {
  return Math.floor(ms / EVERY_MS);
}

export function lineOf(number: number): LogRecord {
  const at = number * EVERY_MS + noise('at', number) * EVERY_MS;
  const failing = noise('kind', number) < 0.004 + 0.3 * trouble(at / 1000);
  const template = failing ? pick(FAILING, noise('which', number) ** 1.4) : pick(USUAL, noise('which', number));
  const fields = Object.fromEntries(Object.entries(template.fields).map(([name, values]) => [name, pick(values, noise(name, number))]));
  const pod = `${template.service}-7d9f8b6c5-x2v${number % 3}`;
  return {
    id: `line-${number}`, time: new Date(at).toISOString(), level: template.level, level_text: template.level.toUpperCase(),
    service: template.service, body: template.text.replace(/\{(\w+)\}/g, (_, name: string) => fields[name] ?? ''),
    trace_id: template.traced ? traceIdAt(at) : null, span_id: template.traced ? '00f067aa0ba902b7' : null, fields,
    resource: { 'service.name': template.service, 'k8s.pod.name': pod, 'k8s.namespace.name': 'shop', 'deployment.environment.name': 'production' },
  };
}

/** The template of a line with its fields as placeholders, as template mining finds it. */
export function patternOf(record: LogRecord): string {
  const template = [...FAILING, ...USUAL].find(({ service, text }) => service === record.service && sameShape(text, record.body));
  return (template?.text ?? record.body).replace(/\{\w+\}/g, '<*>');
}

function sameShape(text: string, body: string): boolean {
  return text.split(/\{\w+\}/).every((part) => body.includes(part));
}
