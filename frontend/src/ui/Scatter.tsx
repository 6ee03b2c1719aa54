import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { decadeAxis, decades, DRAG_FROM, mountPlot, sharedCursor, takeSelection, timeAxis, tokensOf, valueAxis } from './plot';
import classes from './TimeChart.module.css';

export interface ScatterPoint {
  id: string;
  /** Seconds since 1970. */
  time: number;
  value: number;
  bad: boolean;
  name: string;
}

interface ScatterProps {
  label: string;
  points: readonly ScatterPoint[];
  /** Seconds since 1970. */
  from: number;
  to: number;
  text: (value: number) => string;
  height: number;
  onOpen: (id: string) => void;
  /** Called with the dragged window, in milliseconds. */
  onZoom: (from: number, to: number) => void;
}

const REACH = 12;

/** Values over time on a logarithmic scale: circles, and triangles of another colour for what failed. */
export function Scatter(props: ScatterProps) {
  const { label, points, from, to, text, height } = props;
  const host = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const [hover, setHover] = useState<{ point: ScatterPoint; left: number; top: number } | null>(null);
  const calls = useRef(props);
  useEffect(() => {
    calls.current = props;
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const token = tokensOf(element);
    const sorted = [...points].sort((left, right) => left.time - right.time);
    const { plot, unmount } = mountPlot(
      element,
      {
        height,
        legend: { show: false },
        cursor: sharedCursor(true),
        scales: { x: { time: true, range: () => [from, to] }, y: { distr: 3, range: (_plot, min, max) => decades(min, max) } },
        axes: [timeAxis(token), decadeAxis(valueAxis(token, text))],
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: {
          draw: [(drawn) => draw(drawn, sorted, token)],
          setSelect: [
            (drawn) => {
              const window = takeSelection(drawn);
              if (window) calls.current.onZoom(window.from, window.to);
            },
          ],
        },
      },
      [sorted.map(({ time }) => time), sorted.map(({ value }) => value)],
    );
    let pressedAt = 0;
    plot.over.addEventListener('mousedown', (event) => {
      pressedAt = event.clientX;
    });
    plot.over.addEventListener('mousemove', (event) => {
      const found = nearest(plot, sorted, event);
      plot.over.style.cursor = found ? 'pointer' : '';
      setHover(found ? { point: found, left: plot.valToPos(found.time, 'x') + plot.bbox.left / devicePixelRatio, top: plot.valToPos(found.value, 'y') } : null);
    });
    plot.over.addEventListener('click', (event) => {
      const found = Math.abs(event.clientX - pressedAt) < DRAG_FROM ? nearest(plot, sorted, event) : undefined;
      if (found) calls.current.onOpen(found.id);
    });
    return unmount;
  }, [points, from, to, text, height, scheme]);

  return (
    <div className={classes.chart} onMouseLeave={() => setHover(null)}>
      <div ref={host} role="img" aria-label={label} style={{ height }} className={classes.host} />
      {hover && (
        <div className={classes.tooltip} style={{ left: hover.left, top: hover.top }} data-flip={hover.left > 420 || undefined} aria-hidden>
          <p className={classes.row}>
            <span className={classes.name}>{hover.point.name}</span>
            <span className="tabular">{text(hover.point.value)}</span>
          </p>
          {hover.point.bad && <p className={classes.more}>with errors</p>}
        </div>
      )}
    </div>
  );
}

function draw(plot: uPlot, points: readonly ScatterPoint[], token: (name: `--${string}`) => string): void {
  const { ctx } = plot;
  const size = 3 * devicePixelRatio;
  ctx.save();
  // Errors last: they must not be covered.
  for (const bad of [false, true]) {
    ctx.fillStyle = token(bad ? '--level-error' : '--series-0');
    ctx.globalAlpha = bad ? 0.95 : 0.6;
    for (const point of points) {
      if (point.bad !== bad) continue;
      const [x, y] = [plot.valToPos(point.time, 'x', true), plot.valToPos(point.value, 'y', true)];
      ctx.beginPath();
      if (bad) {
        ctx.moveTo(x, y - size * 1.5);
        ctx.lineTo(x + size * 1.4, y + size);
        ctx.lineTo(x - size * 1.4, y + size);
      } else {
        ctx.arc(x, y, size, 0, 2 * Math.PI);
      }
      ctx.closePath();
      ctx.fill();
    }
  }
  ctx.restore();
}

function nearest(plot: uPlot, points: readonly ScatterPoint[], event: MouseEvent): ScatterPoint | undefined {
  const area = plot.over.getBoundingClientRect();
  const [x, y] = [event.clientX - area.left, event.clientY - area.top];
  let found: ScatterPoint | undefined;
  let least = REACH;
  for (const point of points) {
    const distance = Math.hypot(plot.valToPos(point.time, 'x') - x, plot.valToPos(point.value, 'y') - y);
    if (distance < least) [found, least] = [point, distance];
  }
  return found;
}
