import { Tooltip } from '@mantine/core';
import { useNow } from '../hooks/useNow';
import { duration, exactDuration, secondsBetween } from '../util/time';
import { BY_TOUCH_TOO } from './by-touch';

/** The time between two instants; still running when `to` is null. */
export function Duration({ from, to }: { from: string; to: string | null }) {
  const now = useNow();
  const seconds = secondsBetween(from, to ?? now);
  return (
    <Tooltip label={`${exactDuration(seconds)}${to ? '' : ' and counting'}`} events={BY_TOUCH_TOO}>
      <span className="tabular" style={{ whiteSpace: 'nowrap' }}>
        {duration(seconds)}
      </span>
    </Tooltip>
  );
}
