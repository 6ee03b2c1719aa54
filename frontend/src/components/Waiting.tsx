import { IconRadar } from '@tabler/icons-react';
import classes from './Waiting.module.css';

/** Something is expected; the page turns by itself when it comes. */
export function Waiting({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <div className={classes.waiting} role="status">
      <IconRadar size={20} className={classes.radar} aria-hidden />
      <div>
        <strong>{title}</strong>
        <p className={classes.text}>{children}</p>
      </div>
    </div>
  );
}
