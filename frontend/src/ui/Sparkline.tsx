interface SparklineProps {
  label: string;
  values: readonly (number | null)[];
  color: `--${string}`;
}

const WIDTH = 96;
const HEIGHT = 22;

/** A line without axes, for a table's cell; a gap breaks it. */
export function Sparkline({ label, values, color }: SparklineProps) {
  const top = Math.max(...values.map((value) => value ?? 0), 1e-9);
  const x = (index: number) => (index / Math.max(1, values.length - 1)) * (WIDTH - 2) + 1;
  const y = (value: number) => HEIGHT - 2 - (value / top) * (HEIGHT - 4);
  const path = values
    .map((value, index) => {
      if (value === null) return '';
      const begins = index === 0 || values[index - 1] === null;
      return `${begins ? 'M' : 'L'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    })
    .join('');
  return (
    <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path d={path} fill="none" stroke={`var(${color})`} strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}
