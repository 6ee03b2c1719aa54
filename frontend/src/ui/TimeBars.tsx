import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { exactCount } from '../util/numbers';
import classes from './TimeBars.module.css';
import charts from './TimeChart.module.css';

export interface BarSeries {
  name: string;
  /** A CSS custom property that holds the colour in both schemes. */
  color: `--${string}`;
  values: readonly number[];
}

interface TimeBarsProps {
  label: string;
  /** Instants in seconds since 1970, one per bar. */
  times: readonly number[];
  series: readonly [BarSeries, BarSeries];
  height: number;
}

interface Hover {
  index: number;
  left: number;
  top: number;
}

/** Two bars per day, drawn on a canvas; the numbers are in the legend and, for screen readers, in a table. */
export function TimeBars({ label, times, series, height }: TimeBarsProps) {
  const host = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const [hover, setHover] = useState<Hover | null>(null);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const plot = new uPlot(
      { ...chartOptions(element, series, height), hooks: { setCursor: [(drawn) => setHover(dayUnder(drawn))] } },
      [[...times], ...series.map((one) => [...one.values])],
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, series, height, scheme]);

  return (
    <figure className={classes.figure}>
      <div className={charts.chart} onMouseLeave={() => setHover(null)}>
        <div ref={host} role="img" aria-label={label} style={{ height }} className={classes.host} />
        {hover && <Tooltip hover={hover} times={times} series={series} />}
      </div>
      <figcaption>
        <table className={classes.legend}>
          <thead>
            <tr>
              <th scope="col">Series</th>
              <th scope="col">Last day</th>
              <th scope="col">Most</th>
              <th scope="col">Total</th>
            </tr>
          </thead>
          <tbody>
            {series.map((one) => (
              <tr key={one.name}>
                <th scope="row">
                  <span className={classes.swatch} style={{ background: `var(${one.color})` }} aria-hidden />
                  {one.name}
                </th>
                <td>{exactCount(one.values.at(-1) ?? 0)}</td>
                <td>{exactCount(Math.max(0, ...one.values))}</td>
                <td>{exactCount(one.values.reduce((sum, value) => sum + value, 0))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </figcaption>
    </figure>
  );
}

function Tooltip({ hover, times, series }: Pick<TimeBarsProps, 'times' | 'series'> & { hover: Hover }) {
  const day = times[hover.index];
  if (day === undefined) return null;
  return (
    <div className={charts.tooltip} style={{ left: hover.left, top: hover.top }} data-flip={hover.left > 420 || undefined} aria-hidden>
      <p className={charts.time}>{dayLabel(day)} (UTC)</p>
      {series.map(({ name, color, values }) => (
        <p key={name} className={charts.row}>
          <span className={charts.swatch} style={{ background: `var(${color})` }} />
          <span className={charts.name}>{name}</span>
          <span className="tabular">{exactCount(values[hover.index] ?? 0)}</span>
        </p>
      ))}
    </div>
  );
}

function dayUnder(plot: uPlot): Hover | null {
  const { idx, left = -1, top = 0 } = plot.cursor;
  if (idx === null || idx === undefined || left < 0) return null;
  return { index: idx, left: left + plot.bbox.left / devicePixelRatio, top };
}

const DAY_SECONDS = 86_400;

function chartOptions(element: HTMLElement, series: readonly BarSeries[], height: number): uPlot.Options {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: token('--ink-dim'),
    font: "11px 'Inter Variable', sans-serif",
    ticks: { show: false },
    border: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: {
      x: { time: true, range: (_plot, min, max) => [min - DAY_SECONDS / 2, max + DAY_SECONDS / 2] },
      y: { range: (_plot, _min, max) => [0, Math.max(4, max + 1)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 28, values: (_plot, splits) => splits.map(dayLabel), space: 60 },
      { ...axis, grid: { stroke: token('--line'), width: 1 }, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 500] },
    ],
    series: [
      {},
      ...series.map((one, index): uPlot.Series => ({
        label: one.name,
        fill: token(one.color),
        width: 0,
        points: { show: false },
        paths: barPath(index),
      })),
    ],
  };
}

/** Places the first series left of the day's middle and the second right of it. */
function barPath(index: number): uPlot.Series.PathBuilder | undefined {
  return uPlot.paths.bars?.({ size: [0.32, 14], align: index === 0 ? -1 : 1, gap: 1, radius: 0.15 });
}

const dayFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });

function dayLabel(seconds: number): string {
  return dayFormat.format(new Date(seconds * 1000));
}
