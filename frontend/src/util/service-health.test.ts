import { expect, it } from 'vitest';
import { serviceHealth } from './service-health';

const row = (service: string, operation: string, rate: number, error_rate: number, points?: [number, number][]) => ({
  service, operation, rate, error_rate, p50_ms: 1, p95_ms: 5, p99_ms: 9, count: 1,
  ...(points && { points: points.map(([one, errors]) => ({ time: '', rate: one, error_rate: errors, p95_ms: null })) }),
});

it('adds operations up to services, busiest first', () => {
  const [busy, quiet] = serviceHealth([row('a', 'x', 1, 0), row('b', 'y', 6, 0), row('b', 'z', 2, 0.5)], []);
  expect(busy).toMatchObject({ service: 'b', rate: 8, error_rate: 0.125 });
  expect(busy?.operations.map(({ operation }) => operation)).toEqual(['y', 'z']);
  expect(quiet).toMatchObject({ service: 'a', error_rate: 0 });
});

it('weighs errors by requests in each piece of the range, and has a gap where there were none', () => {
  const [service] = serviceHealth([row('a', 'x', 1, 0, [[9, 0], [0, 0]]), row('a', 'y', 1, 0, [[1, 1], [0, 0]])], []);
  expect(service).toMatchObject({ rates: [10, 0], errorRates: [0.1, null] });
});

it('takes a service’s own numbers from the map', () => {
  expect(serviceHealth([row('a', 'x', 1, 0)], [{ service: 'a', rate: 3, error_rate: 0.1, p95_ms: 42 }])[0]).toMatchObject({ rate: 3, p95_ms: 42 });
});
