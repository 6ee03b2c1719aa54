import type { Labels, MetricMetadata } from '../src/api/prometheus';
import { drift, trouble } from './noise';

export interface Metric extends MetricMetadata {
  series: Labels[];
  /** Value at an instant (seconds); for counters and histograms the rate per second. */
  value: (labels: Labels, seconds: number) => number | null;
}

const SERVICES = ['checkout', 'payments', 'search', 'frontend'];
const NODES = ['node-a:9100', 'node-b:9100', 'node-c:9100'];

function product(name: string, dimensions: Record<string, readonly string[]>): Labels[] {
  return Object.entries(dimensions).reduce<Labels[]>(
    (series, [label, values]) => series.flatMap((one) => values.map((value) => ({ ...one, [label]: value }))),
    [{ __name__: name }],
  );
}

function requestRate(labels: Labels, seconds: number): number {
  const base = 20 + 60 * drift(`${labels['service']}-load`, seconds, 1800) + 6 * drift(`${JSON.stringify(labels)}`, seconds, 40);
  const failing = labels['service'] === 'checkout' || labels['service'] === 'payments' ? trouble(seconds) : 0;
  if (labels['status'] === '502') return base * (0.002 + 0.3 * failing);
  return labels['status'] === '404' ? base * 0.015 : base * (1 - 0.3 * failing);
}

/** Seconds; the quantile is an argument of the query, so only the service's scale is here. */
function latency(labels: Labels, seconds: number): number {
  const scale = { checkout: 0.18, payments: 0.12, search: 0.06, frontend: 0.22 }[labels['service'] ?? ''] ?? 0.1;
  const slow = labels['service'] === 'payments' || labels['service'] === 'checkout' ? 1 + 6 * trouble(seconds) : 1;
  return scale * slow * (0.8 + 0.5 * drift(`${labels['service']}-latency`, seconds, 120));
}

export const METRICS: Record<string, Metric> = {
  up: {
    type: 'gauge', help: '1 if the target answered the last scrape.',
    series: product('up', { job: ['node'], instance: NODES }),
    // node-c was away for a while: a gap, not a zero.
    value: (labels, seconds) => (labels['instance'] === 'node-c:9100' && seconds % 7200 < 600 ? null : 1),
  },
  http_requests_total: {
    type: 'counter', help: 'Requests answered, by status.',
    series: product('http_requests_total', { job: ['web'], service: SERVICES, status: ['200', '404', '502'] }),
    value: requestRate,
  },
  http_request_duration_seconds_bucket: {
    type: 'histogram', help: 'Time from the first byte of a request to the last byte of its answer.', unit: 'seconds',
    series: product('http_request_duration_seconds_bucket', { job: ['web'], service: SERVICES, le: ['0.1', '0.5', '1', '5', '+Inf'] }),
    value: (labels, seconds) => requestRate(labels, seconds) * (labels['le'] === '+Inf' ? 1 : 0.8),
  },
  process_resident_memory_bytes: {
    type: 'gauge', help: 'Resident memory size in bytes.', unit: 'bytes',
    series: product('process_resident_memory_bytes', { job: ['web'], service: SERVICES }),
    value: (labels, seconds) => 2 ** 20 * (180 + 240 * drift(`${labels['service']}-memory`, seconds, 3600)),
  },
  go_goroutines: {
    type: 'gauge', help: 'Number of goroutines that currently exist.',
    series: product('go_goroutines', { job: ['web'], service: SERVICES }),
    value: (labels, seconds) => Math.round(80 + 400 * drift(`${labels['service']}-routines`, seconds, 600)),
  },
  node_cpu_seconds_total: {
    type: 'counter', help: 'Seconds the CPUs spent in each mode.', unit: 'seconds',
    series: product('node_cpu_seconds_total', { job: ['node'], instance: NODES, mode: ['idle', 'iowait', 'system', 'user'] }),
    value: (labels, seconds) => ({ idle: 0.7, iowait: 0.02, system: 0.08, user: 0.2 }[labels['mode'] ?? ''] ?? 0) * (0.7 + 0.5 * drift(JSON.stringify(labels), seconds, 300)),
  },
  node_filesystem_avail_bytes: {
    type: 'gauge', help: 'Filesystem space available to non-root users in bytes.', unit: 'bytes',
    series: product('node_filesystem_avail_bytes', { job: ['node'], instance: NODES, mountpoint: ['/', '/var'] }),
    value: (labels, seconds) => 2 ** 30 * (40 + 8 * drift(JSON.stringify(labels), seconds, 7200) - (labels['mountpoint'] === '/var' ? (seconds % 86_400) / 4000 : 0)),
  },
  payments_pool_connections: {
    type: 'gauge', help: 'Connections to payments-db by state; the pool holds 200.',
    series: product('payments_pool_connections', { job: ['web'], service: ['payments'], state: ['idle', 'used'] }),
    value: (labels, seconds) => {
      const used = Math.min(200, 60 + 40 * drift('pool', seconds, 300) + 140 * trouble(seconds));
      return Math.round(labels['state'] === 'used' ? used : 200 - used);
    },
  },
  kube_pod_info: {
    type: 'gauge', help: 'Information about pods.',
    series: product('kube_pod_info', { namespace: ['default'], pod: Array.from({ length: 260 }, (_, index) => `worker-${String(index).padStart(3, '0')}`) }),
    value: () => 1,
  },
};

export function quantileOf(quantile: number, labels: Labels, seconds: number): number {
  return latency(labels, seconds) * (0.5 + 2.4 * quantile ** 6);
}
