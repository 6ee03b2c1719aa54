import { type MarkKind, MarkPlot } from './MarkPlot';
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

const POINTS: MarkKind<ScatterPoint> = {
  values: ({ value }) => [value],
  corner: ({ time, value }) => [time, value],
  at: (plot, points, x, y) => {
    let found: ScatterPoint | undefined;
    let least = REACH;
    for (const point of points) {
      const distance = Math.hypot(plot.valToPos(point.time, 'x') - x, plot.valToPos(point.value, 'y') - y);
      if (distance < least) [found, least] = [point, distance];
    }
    return found;
  },
  draw: (plot, points, token) => {
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
  },
};

/** Values over time on a logarithmic scale: circles, and triangles of another colour for what failed. */
export function Scatter({ points, onOpen, ...plot }: ScatterProps) {
  const about = ({ name, value, bad }: ScatterPoint) => (
    <>
      <p className={classes.row}>
        <span className={classes.name}>{name}</span>
        <span className="tabular">{plot.text(value)}</span>
      </p>
      {bad && <p className={classes.more}>with errors</p>}
    </>
  );
  return <MarkPlot kind={POINTS} marks={points} about={about} onOpen={({ id }) => onOpen(id)} {...plot} />;
}
