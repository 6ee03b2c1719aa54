/** How often a page may ask again by itself, as the URL names it. */
export const REFRESHES = { '5s': 5_000, '10s': 10_000, '30s': 30_000, '1m': 60_000, '5m': 300_000 } as const;

export type RefreshName = keyof typeof REFRESHES;

/** In milliseconds; undefined where the URL asks for nothing that is offered. */
export function refreshMs(name: string | undefined): number | undefined {
  return name !== undefined && name in REFRESHES ? REFRESHES[name as RefreshName] : undefined;
}
