import { expect, it } from 'vitest';
import { attributes, notAttributes, traceFilter, traceIdOf, unreadTraces } from './trace-search';

it('reads attribute filters, quoted where values have spaces', () => {
  expect(attributes('http.route=/cart error.type="Pool Timeout"')).toEqual(['http.route=/cart', 'error.type=Pool Timeout']);
  expect(attributes('url=a=b')).toEqual(['url=a=b']);
  expect(notAttributes('http.route=/cart timeout')).toBe('timeout');
});

it('turns the URL into a request', () => {
  expect(traceFilter({ service: 'web', min: '250', max: '1.5s', errors: '1' })).toEqual({
    service: 'web', operation: undefined, attr: [], min_duration_ms: 250, max_duration_ms: 1500, error: true,
  });
  expect(traceFilter({ min: 'soon' })).toMatchObject({ min_duration_ms: undefined });
});

it('tells what it leaves out', () => {
  expect(unreadTraces({ service: 'web', q: 'http.route=/cart', min: '250', max: '1.5s', errors: '1' })).toEqual([]);
  expect(unreadTraces({ q: 'a=b timeout', min: 'soon', max: 'late', errors: 'true' }).map(({ values }) => values)).toEqual([
    ['timeout'],
    ['soon', 'late'],
    ['true'],
  ]);
});

it('knows the id of a trace, alone and in a traceparent, from words', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  expect([` ${id.toUpperCase()} `, `00-${id}-00f067aa0ba902b7-01`].map(traceIdOf)).toEqual([id, id]);
  expect([id.slice(1), `${id}0`, 'checkout', `see ${id}`].map(traceIdOf)).toEqual([undefined, undefined, undefined, undefined]);
});
