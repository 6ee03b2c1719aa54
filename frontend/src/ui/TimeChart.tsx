import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState, type RefObject } from 'react';
import type uPlot from 'uplot';
import { useLatest } from '../hooks/useLatest';
import type { Line } from '../util/series';
import { clockTime, absoluteTime } from '../util/time';
import { mountPlot, sharedCursor, takeSelection, timeAxis, type Token, tokensOf, valueAxis } from './plot';
import classes from './TimeChart.module.css';

/** A mark at an instant that leads somewhere: an exemplar. */
export interface Dot {
  id: string;
  /** Seconds since 1970. */
  time: number;
  value: number;
}

/** An instant at which something else happened, told by a line from top to bottom. */
export interface Moment {
  id: string;
  /** Seconds since 1970. */
  time: number;
  name: string;
  /** A CSS custom property that holds the colour in both schemes. */
  color: `--${string}`;
}

interface TimeChartProps {
  label: string;
  /** Instants in seconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  /** Ids of the lines to show; the others are faint. Empty: all. */
  isolated: ReadonlySet<string>;
  text: (value: number) => string;
  height: number;
  dots?: readonly Dot[];
  onDot?: (id: string) => void;
  moments?: readonly Moment[];
  /** Called with the dragged window, in milliseconds. */
  onZoom: (from: number, to: number) => void;
  hostRef?: RefObject<HTMLDivElement | null>;
}

interface Hover {
  index: number;
  left: number;
  top: number;
}

const TOOLTIP_ROWS = 8;

/** Lines over time on a canvas: gaps are gaps, dragging selects a window, the crosshair shows values nearest first. */
export function TimeChart(props: TimeChartProps) {
  const { label, times, lines, isolated, text, height, dots, moments } = props;
  const own = useRef<HTMLDivElement>(null);
  const host = props.hostRef ?? own;
  const scheme = useComputedColorScheme('light');
  const [hover, setHover] = useState<Hover | null>(null);
  const calls = useLatest(props);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const token = tokensOf(element);
    const marks = dots ?? [];
    const { unmount } = mountPlot(
      element,
      {
        height,
        legend: { show: false },
        cursor: { ...sharedCursor(true), focus: { prox: 24 } },
        scales: { x: { time: true, range: () => windowOf(times) }, y: { range: valueRange } },
        axes: [timeAxis(token), valueAxis(token, text)],
        series: [{}, ...lines.map((line) => lineOptions(line, token, isolated))],
        hooks: {
          setCursor: [(plot) => setHover(hoverOf(plot))],
          setSelect: [
            (plot) => {
              const window = takeSelection(plot);
              if (window) calls.current.onZoom(window.from, window.to);
            },
          ],
          draw: [
            (plot) => {
              drawMoments(plot, moments ?? [], token);
              drawDots(plot, marks, token('--ink'), token('--surface'));
            },
          ],
          ready: [(plot) => listenForDots(plot, marks, (id) => calls.current.onDot?.(id))],
        },
      },
      [[...times], ...lines.map(({ values }) => values)] as uPlot.AlignedData,
    );
    return unmount;
  }, [times, lines, isolated, text, height, dots, moments, scheme, host, calls]);

  return (
    <div className={classes.chart} onMouseLeave={() => setHover(null)}>
      <div ref={host} role="img" aria-label={label} style={{ height }} className={classes.host} />
      {hover && <Tooltip hover={hover} {...props} />}
    </div>
  );
}

function Tooltip({ hover, times, lines, isolated, text, moments = [] }: TimeChartProps & { hover: Hover }) {
  const at = times[hover.index];
  if (at === undefined) return null;
  const rows = lines
    .flatMap((line) => {
      const value = line.values[hover.index];
      return value === null || value === undefined || (isolated.size > 0 && !isolated.has(line.id)) ? [] : [{ line, value }];
    })
    .sort((left, right) => right.value - left.value);
  if (rows.length === 0) return null;
  return (
    <div className={classes.tooltip} style={{ left: hover.left, top: hover.top }} data-flip={hover.left > 420 || undefined} aria-hidden>
      <p className={classes.time} title={absoluteTime(at * 1000)}>
        {absoluteTime(at * 1000).replace(/^\S+ /, '') || clockTime(at * 1000)}
      </p>
      {rows.slice(0, TOOLTIP_ROWS).map(({ line, value }) => (
        <p key={line.id} className={classes.row}>
          <span className={classes.swatch} style={{ background: `var(--series-${line.color})` }} />
          <span className={classes.name}>{line.name}</span>
          <span className="tabular">{text(value)}</span>
        </p>
      ))}
      {rows.length > TOOLTIP_ROWS && <p className={classes.more}>and {rows.length - TOOLTIP_ROWS} more</p>}
      {momentsNear(moments, times, hover.index).map((moment) => (
        <p key={moment.id} className={classes.row}>
          <span className={classes.swatch} style={{ background: `var(${moment.color})` }} />
          <span className={classes.name}>{moment.name}</span>
        </p>
      ))}
    </div>
  );
}

function windowOf(times: readonly number[]): [number, number] {
  const [first = 0, last = 1] = [times[0], times.at(-1)];
  return last > first ? [first, last] : [first - 60, first + 60];
}

/** Zero is in sight unless all values are far from it. */
function valueRange(_plot: uPlot, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const low = min >= 0 && min < max * 0.6 ? 0 : min;
  if (low === max) return max === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, max * 1.25)];
  const pad = (max - low) * 0.08;
  return [low === 0 ? 0 : low - pad, max + pad];
}

function lineOptions(line: Line, token: (name: `--${string}`) => string, isolated: ReadonlySet<string>): uPlot.Series {
  const faint = isolated.size > 0 && !isolated.has(line.id);
  const single = line.values.filter((value) => value !== null).length === 1;
  return {
    label: line.name,
    show: !faint,
    stroke: token(`--series-${line.color}`),
    width: 1.5,
    spanGaps: false,
    points: { show: single, size: 5 },
    ...(line.dashed && { dash: [6, 3] }),
  };
}

function hoverOf(plot: uPlot): Hover | null {
  const { idx, left = -1, top = -1 } = plot.cursor;
  if (idx === null || idx === undefined || left < 0) return null;
  return { index: idx, left: left + plot.bbox.left / devicePixelRatio, top };
}

/** Those that lie nearer to this instant of the grid than to its neighbours. */
function momentsNear(moments: readonly Moment[], times: readonly number[], index: number): readonly Moment[] {
  const at = times[index] ?? 0;
  const half = ((times[1] ?? 1) - (times[0] ?? 0)) / 2;
  return moments.filter(({ time }) => Math.abs(time - at) <= half);
}

const FLAG_SIZE = 7;

function drawMoments(plot: uPlot, moments: readonly Moment[], token: Token): void {
  const { ctx, bbox } = plot;
  const size = FLAG_SIZE * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { time, color } of moments) {
    const x = plot.valToPos(time, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = token(color);
    ctx.fillStyle = token(color);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x + size, bbox.top + size / 2);
    ctx.lineTo(x, bbox.top + size);
    ctx.closePath();
    ctx.fill();
  }
  ctx.restore();
}

const DOT_SIZE = 5;

function drawDots(plot: uPlot, dots: readonly Dot[], ink: string, surface: string): void {
  const { ctx } = plot;
  const size = DOT_SIZE * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = ink;
  ctx.strokeStyle = surface;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const dot of dots) {
    const [x, y] = placeOf(plot, dot, true);
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.closePath();
    ctx.stroke();
    ctx.fill();
  }
  ctx.restore();
}

/** A dot above the scale sits at its edge: what is slowest must not be out of sight. */
function placeOf(plot: uPlot, dot: Dot, onCanvas: boolean): [number, number] {
  const { min = 0, max = 1 } = plot.scales.y ?? {};
  const value = Math.min(max ?? 1, Math.max(min ?? 0, dot.value));
  return [plot.valToPos(dot.time, 'x', onCanvas), plot.valToPos(value, 'y', onCanvas)];
}

const REACH = 10;

function listenForDots(plot: uPlot, dots: readonly Dot[], open: (id: string) => void): void {
  if (dots.length === 0) return;
  const near = (event: MouseEvent) => {
    const area = plot.over.getBoundingClientRect();
    const [x, y] = [event.clientX - area.left, event.clientY - area.top];
    return dots.find((dot) => {
      const [left, top] = placeOf(plot, dot, false);
      return Math.hypot(left - x, top - y) < REACH;
    });
  };
  plot.over.addEventListener('mousemove', (event) => {
    plot.over.style.cursor = near(event) ? 'pointer' : '';
  });
  plot.over.addEventListener('click', (event) => {
    const dot = near(event);
    if (dot) open(dot.id);
  });
}
