import { expect, it } from 'vitest';
import type { MapNode } from '../api/traces';
import { callerId, errorState } from './service-map';

const node = (service: string, kind: string): MapNode => ({
  service, kind, count: 1, errors: 0, rate: 1, error_rate: 0, mean_ms: 1, p50_ms: 1, p95_ms: 1, p99_ms: 1,
});

it('draws what a consumer takes from the queue’s box, and everything else from its service', () => {
  const nodes = [node('checkout', 'service'), node('kafka', 'queue'), node('search', 'database'), node('search', 'service')];
  expect(callerId(nodes, 'checkout')).toBe('service checkout');
  expect(callerId(nodes, 'kafka')).toBe('queue kafka');
  expect(callerId(nodes, 'search')).toBe('service search');
  expect(callerId(nodes, 'gone')).toBe('service gone');
});

it('does not call a service well that fails one request in a hundred', () => {
  expect([0, 0.009, 0.01, 0.049, 0.05].map(errorState)).toEqual(['well', 'well', 'suspect', 'suspect', 'failing']);
});
