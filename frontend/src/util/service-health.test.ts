import { expect, it } from 'vitest';
import { metricsOf, serviceHealth, withoutUnfinished } from './service-health';

const row = (service: string, operation: string, rate: number, error_rate: number, points: [number, number][] = []) => ({
  service, operation, rate, error_rate, p50_ms: 1, p95_ms: 5, p99_ms: 9, mean_ms: 2, errors: 0, count: 1,
  points: points.map(([one, errors]) => ({ time: '', rate: one, error_rate: errors, p95_ms: null })),
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

const node = (service: string, kind: string) => ({
  service, kind, rate: 3, error_rate: 0.1, errors: 1, count: 10, mean_ms: 8, p50_ms: 8, p95_ms: 42, p99_ms: 60,
});

it('takes a service’s own numbers from the map', () => {
  expect(serviceHealth([row('a', 'x', 1, 0)], [node('a', 'service')])[0]).toMatchObject({ rate: 3, p95_ms: 42 });
});

it('leaves databases and queues to the map', () => {
  expect(serviceHealth([], [node('a', 'service'), node('postgresql', 'database')]).map(({ service }) => service)).toEqual(['a']);
});

it('leaves out the piece that is still going on', () => {
  const points = ['02:40', '02:41', '02:42'].map((time) => ({ time: `2026-11-23T${time}:00Z`, rate: 1, error_rate: 0, p95_ms: null }));
  const table = { step_seconds: 60, items: [{ ...row('a', 'x', 1, 0), points }] };
  const times = (to: string) => withoutUnfinished(table, to)[0]?.points.map(({ time }) => time.slice(11, 16));
  expect(times('2026-11-23T02:42:20Z')).toEqual(['02:40', '02:41']);
  expect(times('2026-11-23T02:43:00Z')).toEqual(['02:40', '02:41', '02:42']);
});

it('finds a service’s metrics by either label', () => {
  expect(metricsOf('a"b')).toBe('{job="a\\"b"} or {service="a\\"b"}');
});
