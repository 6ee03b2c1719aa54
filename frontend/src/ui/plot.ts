import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** Reads a custom property where the chart stands, so that a canvas has the colours of the scheme. */
export type Token = (name: `--${string}`) => string;

export function tokensOf(element: HTMLElement): Token {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name).trim();
}

const AXIS_FONT = "11px 'Inter Variable', sans-serif";

export function timeAxis(token: Token): uPlot.Axis {
  return { ...bareAxis(token), grid: { show: false }, size: 26, space: 72, values: (_plot, splits, _axis, _space, step) => timeLabels(splits, step) };
}

export function valueAxis(token: Token, text: (value: number) => string): uPlot.Axis {
  return {
    ...bareAxis(token),
    grid: { stroke: token('--line'), width: 1 },
    values: (_plot, splits) => splits.map((value) => (value === null ? '' : text(value))),
    size: (_plot, labels) => 18 + 6.4 * Math.max(0, ...(labels ?? []).map((one) => one.length)),
    space: 36,
    gap: 6,
  };
}

function bareAxis(token: Token): uPlot.Axis {
  return { stroke: token('--ink-dim'), font: AXIS_FONT, ticks: { show: false }, border: { show: false } };
}

/** Whole powers of ten around some values. */
export function decades(min: number | null, max: number | null): [number, number] {
  if (!min || !max || min <= 0) return [1, 1000];
  return [10 ** Math.floor(Math.log10(min)), 10 ** Math.ceil(Math.log10(max * 1.01))];
}

/** Labels and lines at powers of ten only. */
export function decadeAxis(axis: uPlot.Axis): uPlot.Axis {
  const filter: uPlot.Axis.Filter = (_plot, splits) => splits.map((value) => (isDecade(value) ? value : null));
  return { ...axis, filter, grid: { ...axis.grid, filter } };
}

function isDecade(value: number): boolean {
  const power = Math.log10(value);
  return Math.abs(power - Math.round(power)) < 1e-6;
}

const dayFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const minuteFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const secondFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** The clock, and the date where a day begins; 24 hours everywhere, in the viewer's zone. */
function timeLabels(splits: readonly number[], step: number): string[] {
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
    if (step >= 86_400 || midnight) return dayFormat.format(date);
    return (step < 60 ? secondFormat : minuteFormat).format(date);
  });
}

const SYNC_KEY = 'srec';
/** A drag shorter than this many pixels is a click. */
export const DRAG_FROM = 4;

/** Crosshair shared by the charts of a page; dragging along the time axis selects, and never zooms by itself. */
export function sharedCursor(shared: boolean): uPlot.Cursor {
  return {
    ...(shared && { sync: { key: SYNC_KEY, setSeries: false } }),
    drag: { x: true, y: false, setScale: false, dist: DRAG_FROM },
    points: { show: false },
    y: false,
  };
}

/** The selected time in milliseconds, after which the selection is taken away; undefined for a click. */
export function takeSelection(plot: uPlot): { from: number; to: number } | undefined {
  const { left, width } = plot.select;
  if (width < DRAG_FROM) return undefined;
  const [from, to] = [plot.posToVal(left, 'x') * 1000, plot.posToVal(left + width, 'x') * 1000];
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  return { from, to };
}

/** A plot that fills its element and follows its width; the returned function takes it away. */
export function mountPlot(element: HTMLElement, options: Omit<uPlot.Options, 'width'>, data: uPlot.AlignedData): { plot: uPlot; unmount: () => void } {
  const plot = new uPlot({ ...options, width: Math.max(1, element.clientWidth) }, data, element);
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(1, element.clientWidth), height: options.height }));
  observer.observe(element);
  return {
    plot,
    unmount: () => {
      observer.disconnect();
      plot.destroy();
    },
  };
}
