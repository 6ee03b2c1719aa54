import { VisuallyHidden } from '@mantine/core';
import { exactCount, shortCount } from '../util/numbers';

interface CountProps {
  value: number;
  short?: string;
  exact?: string;
}

/** A number in short; exactly on hover, and to whoever listens. */
export function Count({ value, short = shortCount(value), exact = exactCount(value) }: CountProps) {
  if (short === exact) return <span className="tabular">{short}</span>;
  return (
    <span className="tabular" title={exact}>
      <span aria-hidden>{short}</span>
      <VisuallyHidden>{exact}</VisuallyHidden>
    </span>
  );
}
