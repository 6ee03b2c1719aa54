import type { MapNode, RedRow } from '../api/traces';

/** A service with what its operations add up to. */
export interface ServiceHealth {
  service: string;
  rate: number;
  error_rate: number;
  p95_ms: number;
  operations: RedRow[];
  /** Requests per second over the range; empty where the server sends no points. */
  rates: number[];
  errorRates: (number | null)[];
}

/** One row per service, busiest first. The 95th percentile of a whole service comes from the map: percentiles do not add up. */
export function serviceHealth(rows: readonly RedRow[], nodes: readonly MapNode[]): ServiceHealth[] {
  const names = new Set([...nodes.map(({ service }) => service), ...rows.map(({ service }) => service)]);
  const services = [...names].map((service) => {
    const operations = rows.filter((row) => row.service === service).sort((left, right) => right.rate - left.rate);
    const node = nodes.find((one) => one.service === service);
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
  const length = Math.max(0, ...operations.map(({ points }) => points?.length ?? 0));
  const at = (index: number) => operations.flatMap(({ points }) => points?.[index] ?? []);
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
