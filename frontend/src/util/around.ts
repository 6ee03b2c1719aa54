/** What led to something happened before it. */
const BEFORE_MS = 15 * 60_000;
/** What has gone on for days is explained by its first hour. */
const AFTER_MS = 60 * 60_000;

/** Where to look for what explains something that began, and ended or goes on. `now` in milliseconds. */
export function around(began: string, ended: string | null | undefined, now: number): { from: string; to: string } {
  const from = Date.parse(began);
  const to = Math.max(from, Math.min(ended ? Date.parse(ended) : now, from + AFTER_MS));
  return { from: new Date(from - BEFORE_MS).toISOString(), to: new Date(to).toISOString() };
}
