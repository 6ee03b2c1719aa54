import type { ReactNode } from 'react';
import classes from './PageHeader.module.css';

interface PageHeaderProps {
  title: string;
  /** What the browser's tab says; the title, where nothing else tells pages apart. */
  tab?: string | undefined;
  description?: string;
  actions?: ReactNode;
}

export function PageHeader({ title, tab = title, description, actions }: PageHeaderProps) {
  return (
    <header className={classes.header}>
      <title>{`${tab} · SRE Copilot`}</title>
      <div>
        <h1 className={classes.title}>{title}</h1>
        {description && <p className={classes.description}>{description}</p>}
      </div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </header>
  );
}
