import type { ReactNode } from 'react';
import classes from './Superseded.module.css';

interface SupersededProps {
  /** What is shown answers what was asked before, not what is asked now. */
  when: boolean;
  /** The answer before was that there is nothing, which says nothing about what is asked now. */
  empty?: boolean;
  skeleton?: ReactNode;
  children: ReactNode;
}

/** An answer stays until the next one is there, so that nothing jumps; meanwhile it is seen to be an old one. */
export function Superseded({ when, empty = false, skeleton, children }: SupersededProps) {
  if (when && empty) return skeleton;
  return (
    <div className={classes.answer} data-old={when || undefined} aria-busy={when}>
      {children}
    </div>
  );
}
