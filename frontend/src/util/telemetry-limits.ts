import type { TelemetryAllowance } from '../api/types';
import { shortCount } from './numbers';

export type LimitName = keyof TelemetryAllowance['limits'];

interface LimitWords {
  name: LimitName;
  label: string;
  /** What is counted, behind a number. */
  unit: string;
  /** What happens beyond it. */
  beyond: string;
}

/** The limits in the order in which people meet them. */
export const LIMITS: readonly LimitWords[] = [
  { name: 'active_series', label: 'Active series', unit: 'series a day', beyond: 'New series are refused until midnight (UTC).' },
  { name: 'active_streams', label: 'Active log streams', unit: 'streams a day', beyond: 'New streams are refused until midnight (UTC).' },
  { name: 'labels_per_series', label: 'Labels of a series', unit: 'labels', beyond: 'A series or stream with more is refused.' },
  { name: 'label_value_bytes', label: "A label's value", unit: 'bytes', beyond: 'A series or stream with a longer value is refused.' },
  { name: 'bytes_per_second', label: 'Rate', unit: 'bytes a second', beyond: 'Senders are told to come back later (429).' },
];

/** How much of a limit is used now; null where that is not known or nothing limits it. */
export function used(allowance: TelemetryAllowance, name: LimitName): number | null {
  switch (name) {
    case 'active_series':
      return allowance.usage.active_series;
    case 'active_streams':
      return allowance.usage.active_streams;
    case 'bytes_per_second':
      return allowance.usage.bytes_per_second ?? null;
    default:
      return null;
  }
}

/** Between 0 and 1; null where there is no limit or nothing is known of its use. */
export function share(allowance: TelemetryAllowance, name: LimitName): number | null {
  const [now, most] = [used(allowance, name), allowance.limits[name].value];
  return now === null || !most ? null : Math.min(1, now / most);
}

/** Whether what was reached then is refused still: it is until midnight (UTC). */
export function isRefusedNow(at: string, now: number): boolean {
  return new Date(at).toISOString().slice(0, 10) === new Date(now).toISOString().slice(0, 10);
}

/** "1.2M series a day", "no limit". */
export function limitText(value: number | null | undefined, unit: string): string {
  return value === null || value === undefined ? 'no limit' : `${shortCount(value)} ${unit}`;
}
