const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const absoluteFormat = new Intl.DateTimeFormat(undefined, {
  weekday: 'short', day: 'numeric', month: 'short', year: 'numeric',
  hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
});
const offsetFormat = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'shortOffset' });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dayYearFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const clockSecondsFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** "Mon, 23 Nov 2026, 02:41:07 CET": the viewer's zone, named. */
export function absoluteTime(at: string | number): string {
  return absoluteFormat.format(new Date(at));
}

/** "Europe/Berlin (GMT+1)": the viewer's zone, and what it is off at that time. */
export function zoneName(at: number): string {
  const { timeZone } = absoluteFormat.resolvedOptions();
  const offset = offsetFormat.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value;
  return offset && offset !== 'GMT' ? `${timeZone} (${offset})` : timeZone;
}

/** "02:41" in the viewer's zone. */
export function clockTime(at: string | number): string {
  return clockFormat.format(new Date(at));
}

/** "02:41" in the viewer's zone; of another day than today's, "29 Nov, 02:41". */
export function clockOn(at: string | number, now: number): string {
  const date = new Date(at);
  const clock = clockFormat.format(date);
  return date.toDateString() === new Date(now).toDateString() ? clock : `${calendarDay(at, now)}, ${clock}`;
}

/** "02:41:07" in the viewer's zone. */
export function clockSeconds(at: string | number): string {
  return clockSecondsFormat.format(new Date(at));
}

/** "just now", "5 min ago", "in 3 d", then a date. A server clock slightly ahead of ours still reads "just now". */
export function relativeTime(at: string | number, now: number): string {
  const seconds = Math.round((now - new Date(at).getTime()) / 1000);
  const size = Math.abs(seconds);
  if (size < 45) return 'just now';
  if (size >= 7 * DAY) return calendarDay(at, now);
  const text = largestUnit(size);
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** "45 s", "12 min", "3 h 20 min", "2 d 4 h": two units at most, for durations in seconds. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < DAY) return twoUnits(whole, HOUR, 'h', MINUTE, 'min');
  return twoUnits(whole, DAY, 'd', HOUR, 'h');
}

/** "1 d 02:03:04" is what a bridge call reads out; used on hover where `duration` rounds. */
export function exactDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / DAY);
  const clock = [Math.floor((whole % DAY) / HOUR), Math.floor((whole % HOUR) / MINUTE), whole % MINUTE]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  return days > 0 ? `${days} d ${clock}` : clock;
}

export function secondsBetween(from: string, to: string | number): number {
  return (new Date(to).getTime() - new Date(from).getTime()) / 1000;
}

function largestUnit(seconds: number): string {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

/** "3 h 20 min": whole units, the smaller one only where there is some of it. */
export function twoUnits(seconds: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % big) / small);
  const head = `${Math.floor(seconds / big)} ${bigName}`;
  return rest > 0 ? `${head} ${rest} ${smallName}` : head;
}

function calendarDay(at: string | number, now: number): string {
  const date = new Date(at);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return (sameYear ? dayFormat : dayYearFormat).format(date);
}
