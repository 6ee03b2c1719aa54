import type { ReactNode } from 'react';
import classes from './Callout.module.css';

interface CalloutProps {
  tone: 'bad' | 'warn' | 'good' | 'neutral';
  icon: ReactNode;
  title: string;
  role?: 'alert' | 'status';
  children?: ReactNode;
}

/** A notice inside a page. The icon and the words carry the meaning; the colour repeats it. */
export function Callout({ tone, icon, title, role, children }: CalloutProps) {
  return (
    <div className={classes.callout} data-tone={tone} role={role}>
      <span className={classes.icon} aria-hidden>
        {icon}
      </span>
      <div className={classes.body}>
        <p className={classes.title}>{title}</p>
        {children}
      </div>
    </div>
  );
}
