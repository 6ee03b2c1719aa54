import { IconClockX } from '@tabler/icons-react';
import { useSearch } from '@tanstack/react-router';
import { usePageRange } from '../hooks/useTimeRange';
import { Callout } from '../ui/Callout';
import { chosenRange, rangeLabel, rangeTrouble } from '../util/range';
import classes from './RangeNotice.module.css';

/** A time range of the URL that cannot be used is told once, above the page, which shows its own range instead. */
export function RangeNotice() {
  const fallback = usePageRange();
  const { range, from, to } = useSearch({ strict: false });
  const now = Date.now();
  const trouble = fallback && rangeTrouble({ range, from, to }, now);
  if (!trouble) return null;
  return (
    <div className={classes.notice}>
      <Callout tone="warn" role="status" icon={<IconClockX size={16} />} title="The time range of this address cannot be used">
        {trouble} Shown instead: {rangeLabel(chosenRange({ range, from, to }, fallback, now)).toLowerCase()}.
      </Callout>
    </div>
  );
}
