import { expect, it } from 'vitest';
import { attributes, notAttributes, traceFilter } from './trace-search';

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
