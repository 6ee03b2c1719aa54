import { LEVELS, type Level } from '../api/logs';
import classes from './LogLevel.module.css';

const SHORT: Record<Level, string> = { fatal: 'FATAL', error: 'ERROR', warn: 'WARN', info: 'INFO', debug: 'DEBUG', trace: 'TRACE', unknown: '–' };

/** A level as a bar of its colour and its word. */
export function LogLevel({ level: sent }: { level: string }) {
  const level = LEVELS.find((one) => one === sent) ?? 'unknown';
  return (
    <span className={classes.level} style={{ '--level': `var(--level-${level})` } as React.CSSProperties}>
      {SHORT[level]}
    </span>
  );
}
