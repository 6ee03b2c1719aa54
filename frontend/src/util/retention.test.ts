import { expect, test } from 'vitest';
import { daysText, streamText, takesStreams } from './retention';

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
