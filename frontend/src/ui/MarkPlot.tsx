import { useComputedColorScheme } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { useLatest } from '../hooks/useLatest';
import { decadeAxis, decades, DRAG_FROM, mountPlot, sharedCursor, takeSelection, timeAxis, type Token, tokensOf, valueAxis } from './plot';
import classes from './TimeChart.module.css';

/** What a kind of mark is and looks like: by time and by value on a logarithmic scale. Constant: a new one draws everything again. */
export interface MarkKind<T> {
  /** Values that must be in sight. */
  values: (mark: T) => readonly number[];
  draw: (plot: uPlot, marks: readonly T[], token: Token) => void;
  /** The mark at a place, in pixels from the left and the top of the plot. */
  at: (plot: uPlot, marks: readonly T[], x: number, y: number) => T | undefined;
  /** Where its tooltip is: seconds since 1970, and a value. */
  corner: (mark: T) => readonly [time: number, value: number];
}

interface MarkPlotProps<T> {
  label: string;
  kind: MarkKind<T>;
  marks: readonly T[];
  /** Seconds since 1970. */
  from: number;
  to: number;
  text: (value: number) => string;
  about: (mark: T) => ReactNode;
  height: number;
  onOpen: (mark: T) => void;
  /** Called with the dragged window, in milliseconds. */
  onZoom: (from: number, to: number) => void;
}

/** Marks over time that open on a click, tell about themselves under the pointer, and zoom by dragging. */
export function MarkPlot<T>(props: MarkPlotProps<T>) {
  const { label, kind, marks, from, to, text, height } = props;
  const host = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const [hover, setHover] = useState<{ mark: T; left: number; top: number } | null>(null);
  const calls = useLatest(props);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const token = tokensOf(element);
    const values = marks.flatMap(kind.values).filter((value) => value > 0);
    const range = values.length > 0 ? decades(Math.min(...values), Math.max(...values)) : decades(null, null);
    const { plot, unmount } = mountPlot(
      element,
      {
        height,
        legend: { show: false },
        cursor: sharedCursor(true),
        scales: { x: { time: true, range: () => [from, to] }, y: { distr: 3, range: () => range } },
        axes: [timeAxis(token), decadeAxis(valueAxis(token, text))],
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: {
          draw: [(drawn) => kind.draw(drawn, marks, token)],
          setSelect: [
            (drawn) => {
              const window = takeSelection(drawn);
              if (window) calls.current.onZoom(window.from, window.to);
            },
          ],
        },
      },
      // Marks are drawn by their kind; the plot itself needs only its axes.
      [[from, to], range],
    );
    const under = (event: MouseEvent) => {
      const area = plot.over.getBoundingClientRect();
      return kind.at(plot, marks, event.clientX - area.left, event.clientY - area.top);
    };
    let pressedAt = 0;
    plot.over.addEventListener('mousedown', (event) => {
      pressedAt = event.clientX;
    });
    plot.over.addEventListener('mousemove', (event) => {
      const mark = under(event);
      plot.over.style.cursor = mark ? 'pointer' : '';
      if (!mark) return setHover(null);
      const [time, value] = kind.corner(mark);
      setHover({ mark, left: plot.valToPos(time, 'x') + plot.bbox.left / devicePixelRatio, top: plot.valToPos(value, 'y') });
    });
    plot.over.addEventListener('click', (event) => {
      const mark = Math.abs(event.clientX - pressedAt) < DRAG_FROM ? under(event) : undefined;
      if (mark) calls.current.onOpen(mark);
    });
    return unmount;
  }, [kind, marks, from, to, text, height, scheme, calls]);

  return (
    <div className={classes.chart} onMouseLeave={() => setHover(null)}>
      <div ref={host} role="img" aria-label={label} style={{ height }} className={classes.host} />
      {hover && (
        <div className={classes.tooltip} style={{ left: hover.left, top: hover.top }} data-flip={hover.left > 420 || undefined} aria-hidden>
          {props.about(hover.mark)}
        </div>
      )}
    </div>
  );
}
