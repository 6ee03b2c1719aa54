import { sampleValue } from './series';

/** Bounds are inclusive as `boundaries` says: 0 upper, 1 lower, 2 none, 3 both. */
export type NativeBucket = [boundaries: number, lower: string, upper: string, count: string];

/** A native histogram as Prometheus writes it; buckets without observations are left out. */
export interface NativeHistogram {
  count: string;
  sum: string;
  buckets?: NativeBucket[];
}

export type NativeSample = [time: number, histogram: NativeHistogram];

/** The lines that stand for a histogram on a chart. */
export const QUANTILES = [0.5, 0.9, 0.99] as const;

export function quantileName(q: number): string {
  return `p${Math.round(q * 1000) / 10}`;
}

/** The value that the share `q` of all observations stays below; null where there is none. */
export function quantile({ count, buckets = [] }: NativeHistogram, q: number): number | null {
  const total = sampleValue(count);
  if (!(total > 0) || buckets.length === 0) return null;
  const rank = q * total;
  let below = 0;
  for (const [index, [, lower, upper, inside]] of buckets.entries()) {
    const within = Number(inside);
    if (below + within >= rank || index === buckets.length - 1) {
      const share = within > 0 ? Math.min(Math.max((rank - below) / within, 0), 1) : 1;
      return between(sampleValue(lower), sampleValue(upper), share);
    }
    below += within;
  }
  return null;
}

/** Exponential buckets are divided evenly in the logarithm, others in the value; an open end has no inside. */
function between(lower: number, upper: number, share: number): number {
  if (!Number.isFinite(lower)) return upper;
  if (!Number.isFinite(upper)) return lower;
  if (isExponential(lower, upper)) return lower * (upper / lower) ** share;
  return lower + (upper - lower) * share;
}

/** Whether the bounds are neighbours of a standard schema: their ratio is 2 to the power of 2^n. */
function isExponential(lower: number, upper: number): boolean {
  if (!(lower * upper > 0)) return false;
  const schema = Math.log2(Math.abs(Math.log2(upper / lower)));
  return Math.abs(schema - Math.round(schema)) < 1e-6;
}
