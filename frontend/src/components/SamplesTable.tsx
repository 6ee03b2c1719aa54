import type { InstantResult, Labels } from '../api/prometheus';
import { SERIES_DRAWN } from '../util/metric-chart';
import { quantile, quantileName, QUANTILES, type NativeHistogram } from '../util/native-histogram';
import { exactCount, sampleText } from '../util/numbers';
import { sampleValue } from '../util/series';
import type { MetricUnit } from '../util/units';
import classes from './SamplesTable.module.css';

interface SamplesTableProps {
  label: string;
  data: InstantResult;
  unit: MetricUnit;
}

/** An instant result: one column per label, the value last. */
export function SamplesTable({ label, data, unit }: SamplesTableProps) {
  const rows = rowsOf(data);
  const columns = [...new Set(rows.flatMap(({ labels }) => Object.keys(labels)))].sort(byName);
  if (rows.length === 0) return <p className={classes.none}>Nothing has this name and these labels at the end of the range.</p>;
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={classes.table} aria-label={`${label}: values`}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column === '__name__' ? 'metric' : column}
              </th>
            ))}
            <th scope="col" className={classes.value}>
              Value
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, SERIES_DRAWN).map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column}>{row.labels[column] ?? ''}</td>
              ))}
              <td className={classes.value} title={row.histogram ? `count ${row.histogram.count}, sum ${row.histogram.sum}` : Number.isFinite(row.value) ? exactCount(row.value) : row.text}>
                {row.histogram ? histogramText(row.histogram, unit) : sampleText(row.value, unit)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > SERIES_DRAWN && (
        <p className={classes.none}>
          The first {SERIES_DRAWN} of {rows.length} series are shown.
        </p>
      )}
    </div>
  );
}

interface Row {
  labels: Labels;
  value: number;
  text: string;
  histogram?: NativeHistogram | undefined;
}

function rowsOf(data: InstantResult): Row[] {
  if (data.resultType === 'vector') return data.result.map(({ metric, value, histogram }) => row(metric, value?.[1], histogram?.[1]));
  if (data.resultType === 'matrix') {
    return data.result.map(({ metric, values, histograms }) => row(metric, values?.at(-1)?.[1], histograms?.at(-1)?.[1]));
  }
  return [row({}, data.result[1])];
}

function row(labels: Labels, text = '', histogram?: NativeHistogram): Row {
  return { labels, value: sampleValue(text), text, histogram };
}

/** How many observations, and where the middle and the slow ones lie. */
function histogramText(histogram: NativeHistogram, unit: MetricUnit): string {
  const parts = QUANTILES.map((q) => `${quantileName(q)} ${sampleText(quantile(histogram, q), unit)}`);
  return [`${exactCount(sampleValue(histogram.count))} observed`, ...parts].join(' · ');
}

function byName(left: string, right: string): number {
  if (left === '__name__' || right === '__name__') return left === '__name__' ? -1 : 1;
  return left < right ? -1 : 1;
}
