import { Tooltip } from '@mantine/core';
import { useNow } from '../hooks/useNow';
import { absoluteTime, relativeTime } from '../util/time';

/** Relative on the page, absolute with its zone on hover and focus. */
export function RelativeTime({ at, className }: { at: string; className?: string }) {
  const now = useNow();
  return (
    <Tooltip label={absoluteTime(at)}>
      <time dateTime={at} className={className} style={{ whiteSpace: 'nowrap' }}>
        {relativeTime(at, now)}
      </time>
    </Tooltip>
  );
}
