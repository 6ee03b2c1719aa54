import type { LogRecord } from '../api/logs';
import { markedPieces } from '../util/log-query';
import { absoluteTime } from '../util/time';
import { LogLevel } from './LogLevel';
import classes from './LogLine.module.css';

/** One line as text: when, how grave, where, what. */
export function LogLine({ record, searched }: { record: LogRecord; searched: readonly string[] }) {
  return (
    <>
      <time className={classes.time} dateTime={record.time} title={absoluteTime(record.time)}>
        {lineTime(record.time)}
      </time>
      <LogLevel level={record.level} />
      <span className={classes.service}>{record.service}</span>
      <span className={classes.body}>
        {markedPieces(record.body, searched).map((piece, index) => (piece.hit ? <mark key={index}>{piece.text}</mark> : piece.text))}
      </span>
    </>
  );
}

const dayFormat = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: 'short' });
const timeFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' });

/** The date only where it is not today's. */
function lineTime(at: string): string {
  const date = new Date(at);
  const clock = timeFormat.format(date);
  return date.toDateString() === new Date().toDateString() ? clock : `${dayFormat.format(date)} ${clock}`;
}
