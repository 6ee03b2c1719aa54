/** What a metric's samples are measured in, as far as its metadata, its name and the query around it say. */
export type MetricUnit = 'seconds' | 'bytes' | 'bytes/s' | 'ratio' | '/s' | 'none';

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
  const unit = baseUnit(metric, metadata(metric)?.unit);
  if (!RATE.test(bare) || /histogram_quantile/.test(bare)) return unit;
  if (unit === 'bytes') return 'bytes/s';
  return unit === 'seconds' ? 'none' : '/s';
}

/** Metric names in a query, in their order: identifiers that are neither functions nor keywords. */
export function metricsIn(expr: string): string[] {
  return [...expr.matchAll(FIRST_METRIC)].map(([name]) => name).filter((name) => /_|:/.test(name) || name === expr.trim());
}

function baseUnit(metric: string, unit: string | undefined): MetricUnit {
  const name = metric.replace(/_(?:total|sum|bucket)$/, '');
  if (unit === 'seconds' || (!unit && name.endsWith('_seconds'))) return metric.endsWith('_count') ? 'none' : 'seconds';
  if (unit === 'bytes' || (!unit && name.endsWith('_bytes'))) return 'bytes';
  if (unit === 'ratio' || (!unit && name.endsWith('_ratio'))) return 'ratio';
  return 'none';
}
