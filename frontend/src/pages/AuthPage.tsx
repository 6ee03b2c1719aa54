import type { ReactNode } from 'react';
import { Logo } from '../components/Logo';
import classes from './AuthPage.module.css';

interface AuthPageProps {
  title: string;
  lead: string;
  children: ReactNode;
  foot: ReactNode;
}

/** The frame of the two pages that are seen without a session. */
export function AuthPage({ title, lead, children, foot }: AuthPageProps) {
  return (
    <main className={classes.page}>
      <title>{`${title} · SRE Copilot`}</title>
      <div className={classes.column}>
        <Logo />
        <h1 className={classes.title}>{title}</h1>
        <p className={classes.lead}>{lead}</p>
        <div className={classes.card}>{children}</div>
        <p className={classes.foot}>{foot}</p>
      </div>
    </main>
  );
}
