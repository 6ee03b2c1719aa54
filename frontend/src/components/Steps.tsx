import classes from './Steps.module.css';

/** Numbered steps of a setup. */
export function Steps({ children }: { children: React.ReactNode }) {
  return <ol className={classes.steps}>{children}</ol>;
}

export function Step({ number, title, children }: { number: number; title: string; children: React.ReactNode }) {
  return (
    <li className={classes.step}>
      <span className={classes.number} aria-hidden>
        {number}
      </span>
      <div className={classes.body}>
        <h2 className={classes.title}>{title}</h2>
        {children}
      </div>
    </li>
  );
}
