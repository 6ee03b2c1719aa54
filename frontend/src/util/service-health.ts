import type { MapNode, RedRow } from '../api/traces';

/** A service with what its operations add up to. */
export interface ServiceHealth {
  service: string;
  rate: number;
  error_rate: number;
  p95_ms: number;
  operations: RedRow[];
  /** Requests per second over the range. */
  rates: number[];
  errorRates: (number | null)[];
}

/** Metrics of a service: OpenTelemetry's have its name as `job`, others as `service`. */
export function metricsOf(service: string): string {
  const name = JSON.stringify(service);
  return `{job=${name}} or {service=${name}}`;
}

/** Without the piece that is not over at the range's end: as a rate of the whole piece it would look like a fall. */
export function withoutUnfinished(table: { step_seconds: number; items: readonly RedRow[] }, to: string): RedRow[] {
  const last = Date.parse(to) - table.step_seconds * 1000;
  return table.items.map((row) => ({ ...row, points: row.points.filter(({ time }) => Date.parse(time) <= last) }));
}

/** One row per service, busiest first. The 95th percentile of a whole service comes from the map: percentiles do not add up. */
export function serviceHealth(rows: readonly RedRow[], nodes: readonly MapNode[]): ServiceHealth[] {
  // Databases and queues are on the map only: they send no spans, so they have no operations, traces or lines.
  const own = nodes.filter(({ kind }) => kind === 'service');
  const names = new Set([...own.map(({ service }) => service), ...rows.map(({ service }) => service)]);
  const services = [...names].map((service) => {
    const operations = rows.filter((row) => row.service === service).sort((left, right) => right.rate - left.rate);
    const node = own.find((one) => one.service === service);
    const rate = node?.rate ?? sum(operations.map((row) => row.rate));
    const errors = sum(operations.map((row) => row.rate * row.error_rate));
    return {
      service,
      rate,
      error_rate: node?.error_rate ?? (rate > 0 ? errors / rate : 0),
      p95_ms: node?.p95_ms ?? Math.max(0, ...operations.map((row) => row.p95_ms)),
      operations,
      ...series(operations),
    };
  });
  return services.sort((left, right) => right.rate - left.rate);
}

function series(operations: readonly RedRow[]): Pick<ServiceHealth, 'rates' | 'errorRates'> {
  const length = Math.max(0, ...operations.map(({ points }) => points.length));
  const at = (index: number) => operations.flatMap(({ points }) => points[index] ?? []);
  const pieces = Array.from({ length }, (_, index) => at(index));
  const rates = pieces.map((points) => sum(points.map(({ rate }) => rate)));
  const errorRates = pieces.map((points, index) => {
    const rate = rates[index] ?? 0;
    return rate > 0 ? sum(points.map((point) => point.rate * point.error_rate)) / rate : null;
  });
  return { rates, errorRates };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
