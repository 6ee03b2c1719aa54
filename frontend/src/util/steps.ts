const NICE_SECONDS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
];

/** About as many points as a wide chart shows apart; the server refuses more than 11,000. */
const POINTS = 240;
const MOST_POINTS = 11_000;

/** The step in seconds that divides a window into at most `points` round pieces. */
export function autoStep(windowMs: number, points = POINTS): number {
  const raw = windowMs / 1000 / points;
  return NICE_SECONDS.find((step) => step >= raw) ?? Math.ceil(raw / 604_800) * 604_800;
}

/** The step that was asked for, widened where it would make more points than the server answers. */
export function usableStep(asked: number | undefined, windowMs: number): number {
  if (asked === undefined) return autoStep(windowMs);
  return Math.max(asked, Math.ceil(windowMs / 1000 / MOST_POINTS));
}

/** A window widened to multiples of the step, so that the next refresh asks for the same instants. */
export function alignWindow(window: { from: number; to: number }, stepSeconds: number): { start: number; end: number } {
  const start = Math.floor(window.from / 1000 / stepSeconds) * stepSeconds;
  const end = Math.floor(window.to / 1000 / stepSeconds) * stepSeconds;
  return { start, end: Math.max(start, end) };
}

const UNITS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of "15s", "5m", "250ms", "1.5h" or a bare number of seconds; undefined for anything else. */
export function parseSeconds(text: string | undefined): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*$/.exec(text ?? '');
  if (!match) return undefined;
  const seconds = Number(match[1]) * (UNITS[match[2] ?? 's'] ?? 1);
  return seconds > 0 ? seconds : undefined;
}
