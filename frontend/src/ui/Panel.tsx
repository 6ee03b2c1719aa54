import type { ReactNode } from 'react';
import classes from './Panel.module.css';
import { PanelBoundary } from './PanelBoundary';

interface PanelProps {
  title: string;
  /** A count beside the title. */
  count?: number | undefined;
  actions?: ReactNode;
  /** The content brings its own padding, as tables and lists do. */
  flush?: boolean;
  children: ReactNode;
}

/** A titled region with a hairline border; its failures stay inside. */
export function Panel({ title, count, actions, flush = false, children }: PanelProps) {
  return (
    <section className={classes.panel} aria-label={title}>
      <header className={classes.header}>
        <h2 className={classes.title}>
          {title}
          {count !== undefined && <span className={classes.count}>{count.toLocaleString('en-GB')}</span>}
        </h2>
        {actions}
      </header>
      <div className={flush ? undefined : classes.body}>
        <PanelBoundary>{children}</PanelBoundary>
      </div>
    </section>
  );
}
