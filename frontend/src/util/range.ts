/** What the URL holds: a named range, or two instants. Absent means the page's own default. */
export interface RangeSearch {
  range?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export const RANGES = {
  '5m': { label: 'Last 5 minutes', ms: 300_000 },
  '15m': { label: 'Last 15 minutes', ms: 900_000 },
  '30m': { label: 'Last 30 minutes', ms: 1_800_000 },
  '1h': { label: 'Last hour', ms: 3_600_000 },
  '3h': { label: 'Last 3 hours', ms: 3 * 3_600_000 },
  '6h': { label: 'Last 6 hours', ms: 6 * 3_600_000 },
  '12h': { label: 'Last 12 hours', ms: 12 * 3_600_000 },
  '24h': { label: 'Last 24 hours', ms: 86_400_000 },
  '2d': { label: 'Last 2 days', ms: 2 * 86_400_000 },
  '7d': { label: 'Last 7 days', ms: 7 * 86_400_000 },
  '30d': { label: 'Last 30 days', ms: 30 * 86_400_000 },
  '90d': { label: 'Last 90 days', ms: 90 * 86_400_000 },
  all: { label: 'All time', ms: null },
} as const;

export type RangeName = keyof typeof RANGES;

export function isRangeName(value: string | undefined): value is RangeName {
  return value !== undefined && Object.hasOwn(RANGES, value);
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;
const RELATIVE = /^now(?:-(\d{1,6})([smhdw]))?$/;
const ABSOLUTE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** The milliseconds that a text of the URL stands for: `2026-11-30`, an instant, `now`, `now-1h`; NaN where it is no time. */
export function instantOf(text: string, now: number): number {
  const relative = RELATIVE.exec(text);
  if (relative) return now - Number(relative[1] ?? 0) * UNIT_MS[(relative[2] ?? 's') as keyof typeof UNIT_MS];
  return ABSOLUTE.test(text) ? Date.parse(text) : Number.NaN;
}

/** What is wrong with the range of a URL, in a sentence; undefined where it can be used or there is none. */
export function rangeTrouble({ range, from, to }: RangeSearch, now: number): string | undefined {
  if (!from && !to) return range === undefined || isRangeName(range) ? undefined : `“${range}” is no range.`;
  if (!to) return `“${from}” is a beginning without an end (to).`;
  if (!from) return `“${to}” is an end without a beginning (from).`;
  const wrong = [from, to].filter((text) => Number.isNaN(instantOf(text, now))).map((text) => `“${text}”`);
  if (wrong.length > 0) return `${wrong.join(' and ')} ${wrong.length > 1 ? 'are no times' : 'is no time'}.`;
  return instantOf(from, now) < instantOf(to, now) ? undefined : 'It ends before it begins.';
}

/** The range as the query key: stable while time passes, unlike the instants it stands for. Only what can be used. */
export function chosenRange(search: RangeSearch, fallback: RangeName, now = Date.now(), allTime = fallback === 'all'): RangeSearch {
  const { from, to } = search;
  if (from && to && rangeTrouble(search, now) === undefined) {
    const name = to === 'now' ? from.replace(/^now-/, '') : undefined;
    return isRangeName(name) && name !== 'all' ? { range: name } : { from, to };
  }
  const usable = isRangeName(search.range) && (search.range !== 'all' || allTime);
  return { range: usable ? search.range : fallback };
}

/** A page that counts per day needs a beginning: it offers no "all time", and reads one from the URL as its default. */
export function offeredRanges(fallback: RangeName, allTime = fallback === 'all'): RangeName[] {
  return (Object.keys(RANGES) as RangeName[]).filter((name) => name !== 'all' || allTime);
}

/** The instants that a range stands for now; the end stays open so that what happens next is inside. */
export function resolveRange(range: RangeSearch, now: number): { from?: string; to?: string } {
  if (range.from && range.to) {
    const [from, to] = [instantOf(range.from, now), instantOf(range.to, now)];
    return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  }
  const ms = isRangeName(range.range) ? RANGES[range.range].ms : null;
  return ms === null ? {} : { from: new Date(now - ms).toISOString() };
}

/** Both instants, for charts and searches that need an end; `all` without a beginning is not offered there. */
export function resolveWindow(range: RangeSearch, now: number): { from: number; to: number } {
  const { from, to } = resolveRange(range, now);
  return { from: from ? Date.parse(from) : now - RANGES['1h'].ms, to: to ? Date.parse(to) : now };
}

export type RangeMove = 'out' | 'earlier' | 'later';

/** Twice as long around the same middle, or moved by half its length; never beyond now. */
export function movedRange(range: RangeSearch, now: number, move: RangeMove): RangeSearch {
  const { from, to } = resolveWindow(range, now);
  const half = (to - from) / 2;
  const by = { out: [-half, half], earlier: [-half, -half], later: [half, half] }[move] as [number, number];
  const ahead = Math.max(0, to + by[1] - now);
  const shift = move === 'later' ? ahead : 0;
  const instant = (ms: number) => new Date(ms).toISOString();
  return { from: instant(from + by[0] - shift), to: instant(to + by[1] - ahead) };
}

const INSTANT = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const instantFormat = new Intl.DateTimeFormat(undefined, INSTANT);
const instantYearFormat = new Intl.DateTimeFormat(undefined, { ...INSTANT, year: 'numeric' });

/** The year only where it is not this one. */
export function rangeLabel(range: RangeSearch, now = Date.now()): string {
  if (range.from && range.to) return `${instantLabel(range.from, now)} – ${instantLabel(range.to, now)}`;
  return isRangeName(range.range) ? RANGES[range.range].label : RANGES.all.label;
}

function instantLabel(text: string, now: number): string {
  if (RELATIVE.test(text)) return text;
  const date = new Date(instantOf(text, now));
  return (date.getFullYear() === new Date(now).getFullYear() ? instantFormat : instantYearFormat).format(date);
}

/** The window of a range that ends now, as requests name it. */
export function instants(range: RangeSearch): { from: string; to: string } {
  const { from, to } = resolveWindow(range, Date.now());
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
