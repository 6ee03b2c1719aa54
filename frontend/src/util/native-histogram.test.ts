import { describe, expect, it } from 'vitest';
import { quantile, quantileName, type NativeHistogram } from './native-histogram';

const histogram = (...buckets: [string, string, string][]): NativeHistogram => ({
  count: String(buckets.reduce((sum, [, , count]) => sum + Number(count), 0)),
  sum: '0',
  buckets: buckets.map(([lower, upper, count]) => [0, lower, upper, count]),
});

describe('quantile', () => {
  it('divides exponential buckets in the logarithm', () => {
    expect(quantile(histogram(['1', '2', '4'], ['2', '4', '4']), 0.75)).toBeCloseTo(2 * Math.SQRT2);
    expect(quantile(histogram(['-4', '-2', '2']), 0.5)).toBeCloseTo(-2 * Math.SQRT2);
  });

  it('divides other buckets evenly, the one around zero too', () => {
    expect(quantile(histogram(['10', '13', '10']), 0.5)).toBeCloseTo(11.5);
    expect(quantile(histogram(['-0.5', '0.5', '4']), 0.75)).toBeCloseTo(0.25);
  });

  it('stops at the finite bound of an open bucket', () => {
    expect(quantile(histogram(['1', '3', '1'], ['3', '+Inf', '9']), 0.99)).toBe(3);
  });

  it('has no answer where nothing was observed', () => {
    expect(quantile({ count: '0', sum: '0' }, 0.5)).toBeNull();
    expect(quantile({ count: 'NaN', sum: 'NaN' }, 0.5)).toBeNull();
  });
});

it('names quantiles as people say them', () => {
  expect([0.5, 0.99, 0.999].map(quantileName)).toEqual(['p50', 'p99', 'p99.9']);
});
