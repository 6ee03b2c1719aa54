import type { InstantResult, Labels } from '../api/prometheus';
import { SERIES_DRAWN } from '../util/metric-chart';
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
              <td className={classes.value} title={Number.isFinite(row.value) ? exactCount(row.value) : row.text}>
                {row.text === '' ? 'histogram' : sampleText(row.value, unit)}
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
}

function rowsOf(data: InstantResult): Row[] {
  if (data.resultType === 'vector') return data.result.map(({ metric, value }) => row(metric, value?.[1] ?? ''));
  if (data.resultType === 'matrix') return data.result.map(({ metric, values }) => row(metric, values?.at(-1)?.[1] ?? ''));
  return [row({}, data.result[1])];
}

function row(labels: Labels, text: string): Row {
  return { labels, value: sampleValue(text), text };
}

function byName(left: string, right: string): number {
  if (left === '__name__' || right === '__name__') return left === '__name__' ? -1 : 1;
  return left < right ? -1 : 1;
}
