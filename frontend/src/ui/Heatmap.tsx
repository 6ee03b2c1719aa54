import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { cellAt, heat, type HeatCell } from '../util/heatmap';
import { decadeAxis, decades, DRAG_FROM, mountPlot, sharedCursor, takeSelection, timeAxis, tokensOf, valueAxis } from './plot';
import classes from './TimeChart.module.css';

interface HeatmapProps {
  label: string;
  cells: readonly HeatCell[];
  /** Seconds since 1970. */
  from: number;
  to: number;
  text: (value: number) => string;
  /** Lines of the tooltip. */
  about: (cell: HeatCell) => readonly string[];
  height: number;
  onOpen: (cell: HeatCell) => void;
  /** Called with the dragged window, in milliseconds. */
  onZoom: (from: number, to: number) => void;
}

/** Counts by time and by value on a logarithmic scale: the more, the darker; a bar at the foot of a cell is the share that failed. */
export function Heatmap(props: HeatmapProps) {
  const { label, cells, from, to, text, height } = props;
  const host = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const [hover, setHover] = useState<{ cell: HeatCell; left: number; top: number } | null>(null);
  const calls = useRef(props);
  useEffect(() => {
    calls.current = props;
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const token = tokensOf(element);
    const bounds = cells.flatMap(({ low, high }) => [low, high]);
    const { plot, unmount } = mountPlot(
      element,
      {
        height,
        legend: { show: false },
        cursor: sharedCursor(true),
        scales: { x: { time: true, range: () => [from, to] }, y: { distr: 3, range: () => decades(Math.min(...bounds), Math.max(...bounds)) } },
        axes: [timeAxis(token), decadeAxis(valueAxis(token, text))],
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: {
          draw: [(drawn) => draw(drawn, cells, token)],
          setSelect: [
            (drawn) => {
              const window = takeSelection(drawn);
              if (window) calls.current.onZoom(window.from, window.to);
            },
          ],
        },
      },
      [cells.map((cell) => cell.from), cells.map((cell) => cell.low)],
    );
    let pressedAt = 0;
    plot.over.addEventListener('mousedown', (event) => {
      pressedAt = event.clientX;
    });
    plot.over.addEventListener('mousemove', (event) => {
      const cell = under(plot, cells, event);
      plot.over.style.cursor = cell ? 'pointer' : '';
      setHover(cell ? { cell, left: plot.valToPos(cell.to, 'x') + plot.bbox.left / devicePixelRatio, top: plot.valToPos(cell.high, 'y') } : null);
    });
    plot.over.addEventListener('click', (event) => {
      const cell = Math.abs(event.clientX - pressedAt) < DRAG_FROM ? under(plot, cells, event) : undefined;
      if (cell) calls.current.onOpen(cell);
    });
    return unmount;
  }, [cells, from, to, text, height, scheme]);

  return (
    <div className={classes.chart} onMouseLeave={() => setHover(null)}>
      <div ref={host} role="img" aria-label={label} style={{ height }} className={classes.host} />
      {hover && (
        <div className={classes.tooltip} style={{ left: hover.left, top: hover.top }} data-flip={hover.left > 420 || undefined} aria-hidden>
          {props.about(hover.cell).map((line) => (
            <p key={line} className={classes.row}>
              {line}
            </p>
          ))}
        </div>
      )}
    </div>
  );
}

function draw(plot: uPlot, cells: readonly HeatCell[], token: (name: `--${string}`) => string): void {
  const { ctx } = plot;
  const most = Math.max(1, ...cells.map(({ count }) => count));
  const gap = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  ctx.clip();
  for (const cell of cells) {
    const [left, right] = [plot.valToPos(cell.from, 'x', true), plot.valToPos(cell.to, 'x', true)];
    const [top, foot] = [plot.valToPos(cell.high, 'y', true), plot.valToPos(cell.low, 'y', true)];
    const [width, height] = [Math.max(gap, right - left - gap), Math.max(gap, foot - top - gap)];
    ctx.globalAlpha = heat(cell.count, most);
    ctx.fillStyle = token('--series-0');
    ctx.fillRect(left, top, width, height);
    if (cell.errors > 0) {
      const bar = Math.max(2 * gap, height * 0.25);
      ctx.globalAlpha = 1;
      ctx.fillStyle = token('--level-error');
      ctx.fillRect(left, top + height - bar, Math.max(2 * gap, width * (cell.errors / cell.count)), bar);
    }
  }
  ctx.restore();
}

function under(plot: uPlot, cells: readonly HeatCell[], event: MouseEvent): HeatCell | undefined {
  const area = plot.over.getBoundingClientRect();
  return cellAt(cells, plot.posToVal(event.clientX - area.left, 'x'), plot.posToVal(event.clientY - area.top, 'y'));
}
