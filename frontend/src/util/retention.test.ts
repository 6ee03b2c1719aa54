import { expect, test } from 'vitest';
import { daysText, keptNow, streamText, takesStreams } from './retention';

test('a rule names its stream, or what is left beside the others', () => {
  expect(streamText('logs', 'debug-*')).toBe('debug-*');
  expect(streamText('logs', '')).toBe('all other services');
  expect(streamText('metrics', '')).toBe('all other metrics');
  expect(streamText('metrics_5m', '')).toBe('all metrics');
});

test('coarse metrics take no streams, and days have a plural', () => {
  expect(takesStreams('metrics')).toBe(true);
  expect(takesStreams('metrics_1h')).toBe(false);
  expect([daysText(1), daysText(30)]).toEqual(['1 day', '30 days']);
});

test('a stream is kept by the closest rule', () => {
  const rules = [
    { signal: 'logs', stream: '', days: 30 },
    { signal: 'logs', stream: 'debug-*', days: 7 },
    { signal: 'logs', stream: 'debug-shop', days: 3 },
    { signal: 'traces', stream: '', days: 15 },
  ];
  expect(['shop', 'debug-cart', 'debug-shop', ''].map((stream) => keptNow(rules, 'logs', stream))).toEqual([30, 7, 3, 30]);
  expect(keptNow(rules, 'metrics', 'up')).toBeUndefined();
});
