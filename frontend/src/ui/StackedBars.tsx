import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useLatest } from '../hooks/useLatest';
import { shortDuration } from '../util/numbers';
import { absoluteTime } from '../util/time';
import { mountPlot, sharedCursor, takeSelection, timeAxis, tokensOf, valueAxis } from './plot';
import classes from './TimeChart.module.css';

export interface BarPart {
  name: string;
  /** A CSS custom property that holds the colour in both schemes. */
  color: `--${string}`;
  values: readonly number[];
}

interface StackedBarsProps {
  label: string;
  /** When each bar begins, in seconds since 1970. */
  times: readonly number[];
  /** Length of a bar in seconds. */
  width: number;
  /** From the bottom up. */
  parts: readonly BarPart[];
  text: (value: number) => string;
  height: number;
  /** Called with the dragged window or the clicked bar, in milliseconds. */
  onZoom: (from: number, to: number) => void;
}

interface Hover {
  index: number;
  left: number;
  top: number;
}

/** Bars over time, one part on top of the other; a bar or a dragged window narrows the range. */
export function StackedBars({ label, times, width, parts, text, height, onZoom }: StackedBarsProps) {
  const host = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const zoom = useLatest(onZoom);
  const [hover, setHover] = useState<Hover | null>(null);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const token = tokensOf(element);
    // Painted from the tallest sum down, so that each part shows only what is its own.
    const layers = stack(parts).reverse();
    const { plot, unmount } = mountPlot(
      element,
      {
        height,
        legend: { show: false },
        cursor: sharedCursor(false),
        scales: {
          x: { time: true, range: () => [times[0] ?? 0, (times.at(-1) ?? 1) + width] },
          y: { range: (_plot, _min, max) => [0, Math.max(1, max ?? 1)] },
        },
        axes: [timeAxis(token), { ...valueAxis(token, text), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6, 1e7] }],
        series: [{}, ...layers.map(({ color }) => barOptions(token(color)))],
        hooks: {
          setCursor: [(drawn) => setHover(hoverOf(drawn, times, width))],
          setSelect: [
            (drawn) => {
              const window = takeSelection(drawn);
              if (window) zoom.current(window.from, window.to);
            },
          ],
        },
      },
      [[...times], ...layers.map(({ sums }) => sums)] as uPlot.AlignedData,
    );
    plot.over.addEventListener('click', () => {
      const at = times[barUnder(plot, times, width)];
      if (at !== undefined && plot.select.width === 0) zoom.current(at * 1000, (at + width) * 1000);
    });
    return unmount;
  }, [times, width, parts, text, height, scheme, zoom]);

  return (
    <div className={classes.chart} onMouseLeave={() => setHover(null)}>
      <div ref={host} role="img" aria-label={label} style={{ height }} className={classes.host} />
      {hover && <Tooltip hover={hover} times={times} width={width} parts={parts} text={text} />}
    </div>
  );
}

/** How much a bar holds of each part, all of it first. */
function Tooltip({ hover, times, width, parts, text }: Pick<StackedBarsProps, 'times' | 'width' | 'parts' | 'text'> & { hover: Hover }) {
  const at = times[hover.index];
  if (at === undefined) return null;
  const rows = parts.map(({ name, color, values }) => ({ name, color, value: values[hover.index] ?? 0 }));
  return (
    <div className={classes.tooltip} style={{ left: hover.left, top: hover.top }} data-flip={hover.left > 420 || undefined} aria-hidden>
      <p className={classes.time}>
        {absoluteTime(at * 1000)} and {shortDuration(width * 1000)} on
      </p>
      <p className={classes.row}>
        <span className={classes.name}>all</span>
        <span className="tabular">{text(rows.reduce((sum, { value }) => sum + value, 0))}</span>
      </p>
      {rows.map(
        ({ name, color, value }) =>
          value > 0 && (
            <p key={name} className={classes.row}>
              <span className={classes.swatch} style={{ background: `var(${color})` }} />
              <span className={classes.name}>{name}</span>
              <span className="tabular">{text(value)}</span>
            </p>
          ),
      )}
    </div>
  );
}

function hoverOf(plot: uPlot, times: readonly number[], width: number): Hover | null {
  const { left = -1, top = 0 } = plot.cursor;
  const index = left < 0 ? -1 : barUnder(plot, times, width);
  return index < 0 ? null : { index, left: left + plot.bbox.left / devicePixelRatio, top };
}

function stack(parts: readonly BarPart[]): { color: `--${string}`; sums: number[] }[] {
  let below: readonly number[] = [];
  return parts.map(({ color, values }) => {
    const sums = values.map((value, index) => value + (below[index] ?? 0));
    below = sums;
    return { color, sums };
  });
}

function barOptions(color: string): uPlot.Series {
  const paths = uPlot.paths.bars?.({ size: [0.85, 60], align: 1, gap: 1 });
  return { fill: color, width: 0, points: { show: false }, ...(paths && { paths }) };
}

function barUnder(plot: uPlot, times: readonly number[], width: number): number {
  const at = plot.posToVal(plot.cursor.left ?? -1, 'x');
  return times.findIndex((time) => at >= time && at < time + width);
}
