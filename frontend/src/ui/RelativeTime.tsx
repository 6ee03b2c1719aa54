import { Tooltip } from '@mantine/core';
import { useNow } from '../hooks/useNow';
import { absoluteTime, relativeTime } from '../util/time';
import { BY_TOUCH_TOO } from './by-touch';

/** Relative on the page, absolute with its zone on hover and by a touch. */
export function RelativeTime({ at, className }: { at: string; className?: string }) {
  const now = useNow();
  return (
    <Tooltip label={absoluteTime(at)} events={BY_TOUCH_TOO}>
      <time dateTime={at} className={className} style={{ whiteSpace: 'nowrap' }}>
        {relativeTime(at, now)}
      </time>
    </Tooltip>
  );
}
