/** What a metric's samples are measured in, as far as its metadata, its name and the query around it say. */
export type MetricUnit = 'seconds' | 'milliseconds' | 'bytes' | 'bytes/s' | 'ratio' | '/s' | 'none';

interface Metadata {
  type?: string | undefined;
  unit?: string | undefined;
}

const RATE = /\b(?:rate|irate|deriv)\s*\(/;
const FIRST_METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*(?=\s*[{[)]|\s*$)/g;
const AGGREGATE = /^\s*(?:count|count_values|group|absent|scalar)\s*(?:by|without)?\s*\(/;

/** The unit of a query's result. Division and comparison take units away, so anything with them has none. */
export function unitOf(expr: string, metadata: (metric: string) => Metadata | undefined): MetricUnit {
  const bare = expr.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""').replace(/\{[^}]*\}/g, '{}');
  if (AGGREGATE.test(bare) || /[/*^%]|[<>]|==|!=|\bbool\b/.test(bare)) return 'none';
  const metric = metricsIn(bare)[0];
  if (!metric) return 'none';
  const quantile = /histogram_quantile/.test(bare);
  // What a bucket counts is requests, whatever its bound is measured in.
  if (metric.endsWith('_bucket') && !quantile) return RATE.test(bare) ? '/s' : 'none';
  const unit = baseUnit(metric, metadata(metric)?.unit);
  if (!RATE.test(bare) || quantile) return unit;
  if (unit === 'bytes') return 'bytes/s';
  return unit === 'seconds' || unit === 'milliseconds' ? 'none' : '/s';
}

/** Metric names in a query, in their order: identifiers that are neither functions nor keywords. */
export function metricsIn(expr: string): string[] {
  return [...expr.matchAll(FIRST_METRIC)].map(([name]) => name).filter((name) => /_|:/.test(name) || name === expr.trim());
}

/** As OpenMetrics and as UCUM, OpenTelemetry's way, write them. */
const UNITS: Readonly<Record<string, MetricUnit>> = {
  seconds: 'seconds', s: 'seconds', milliseconds: 'milliseconds', ms: 'milliseconds', bytes: 'bytes', By: 'bytes', ratio: 'ratio',
};

function baseUnit(metric: string, unit: string | undefined): MetricUnit {
  if (metric.endsWith('_count')) return 'none';
  const name = metric.replace(/_(?:total|sum|bucket)$/, '');
  const suffix = name.slice(name.lastIndexOf('_') + 1);
  // "1" is what OpenTelemetry says of ratios, and of everything that is counted: the name decides.
  const told = unit && unit !== '1' ? UNITS[unit] : UNITS[suffix.length > 2 ? suffix : ''];
  return told ?? 'none';
}
