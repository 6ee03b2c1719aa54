import { useAsOf } from '../hooks/useAsOf';
import { usePageRange, useTimeRange } from '../hooks/useTimeRange';
import { rangeLabel, type RangeName } from '../util/range';
import { absoluteTime, clockSeconds } from '../util/time';
import classes from './PageTime.module.css';

/** Of which time the page is, and as of when, where the top bar has no room to say it. */
export function PageTime() {
  const fallback = usePageRange();
  const at = useAsOf();
  if (!fallback && at === undefined) return null;
  return (
    <p className={classes.time}>
      {fallback && <ShownRange fallback={fallback} />}
      {at !== undefined && (
        <time dateTime={new Date(at).toISOString()} title={absoluteTime(at)}>
          as of {clockSeconds(at)}
        </time>
      )}
    </p>
  );
}

function ShownRange({ fallback }: { fallback: RangeName }) {
  return <span className={classes.range}>{rangeLabel(useTimeRange(fallback))}</span>;
}
