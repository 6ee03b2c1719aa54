import { useMemo, useState } from 'react';
import type { InstantResult } from '../api/prometheus';
import { SERIES_DRAWN } from '../util/metric-chart';
import { quantile, quantileName, QUANTILES, type NativeHistogram } from '../util/native-histogram';
import { exactCount, sampleText } from '../util/numbers';
import { nextSampleOrder, orderedSamples, sampleTable, type SampleOrder } from '../util/samples';
import { sampleValue } from '../util/series';
import type { MetricUnit } from '../util/units';
import classes from './SamplesTable.module.css';

interface SamplesTableProps {
  label: string;
  data: InstantResult;
  unit: MetricUnit;
}

/** An instant result: one column per label, the value last; a click on its header orders by it. */
export function SamplesTable({ label, data, unit }: SamplesTableProps) {
  const [order, setOrder] = useState<SampleOrder>();
  const { columns, rows: came } = useMemo(() => sampleTable(data), [data]);
  const rows = useMemo(() => orderedSamples(came, order), [came, order]);
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
            <th scope="col" className={classes.value} aria-sort={order ?? 'none'}>
              <button type="button" className={classes.sort} onClick={() => setOrder(nextSampleOrder)}>
                Value
                {order && <span aria-hidden>{order === 'descending' ? ' ↓' : ' ↑'}</span>}
              </button>
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
          The first {SERIES_DRAWN} of {exactCount(rows.length)} series are shown.
        </p>
      )}
    </div>
  );
}

/** How many observations, and where the middle and the slow ones lie. */
function histogramText(histogram: NativeHistogram, unit: MetricUnit): string {
  const parts = QUANTILES.map((q) => `${quantileName(q)} ${sampleText(quantile(histogram, q), unit)}`);
  return [`${exactCount(sampleValue(histogram.count))} observed`, ...parts].join(' · ');
}
