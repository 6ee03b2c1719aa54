import { cellAt, heat, type HeatCell } from '../util/heatmap';
import { type MarkKind, MarkPlot } from './MarkPlot';
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

const CELLS: MarkKind<HeatCell> = {
  values: ({ low, high }) => [low, high],
  corner: ({ to, high }) => [to, high],
  at: (plot, cells, x, y) => cellAt(cells, plot.posToVal(x, 'x'), plot.posToVal(y, 'y')),
  draw: (plot, cells, token) => {
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
  },
};

/** Counts by time and by value on a logarithmic scale: the more, the darker; a bar at the foot of a cell is the share that failed. */
export function Heatmap({ cells, about, ...plot }: HeatmapProps) {
  const lines = (cell: HeatCell) =>
    about(cell).map((line) => (
      <p key={line} className={classes.row}>
        {line}
      </p>
    ));
  return <MarkPlot kind={CELLS} marks={cells} about={lines} {...plot} />;
}
