/** Numbers that look random and are the same on every call: everything is computed from the time asked for. */
export function noise(seed: string | number, at = 0): number {
  let value = 0x811c9dc5 ^ Math.imul(at | 0, 0x9e3779b1);
  for (const letter of String(seed)) value = Math.imul(value ^ letter.charCodeAt(0), 0x01000193);
  value ^= value >>> 15;
  value = Math.imul(value, 0x2c1b3c6d);
  value ^= value >>> 12;
  value = Math.imul(value, 0x297a2d39);
  value ^= value >>> 15;
  return (value >>> 0) / 2 ** 32;
}

/** Noise that moves slowly: smooth between points `period` seconds apart, from 0 to 1. */
export function drift(seed: string, seconds: number, period: number): number {
  const position = seconds / period;
  const left = Math.floor(position);
  const part = position - left;
  const weight = part * part * (3 - 2 * part);
  return noise(seed, left) * (1 - weight) + noise(seed, left + 1) * weight;
}

export function pick<T>(list: readonly T[], share: number): T {
  return list[Math.min(list.length - 1, Math.floor(share * list.length))] as T;
}

/** When the seed's big incident began: 34 minutes before the tab was opened. */
export const TROUBLE_SINCE = Date.now() / 1000 - 34 * 60;

/** 0 before the incident, 1 in it, with a soft edge: seconds since 1970. */
export function trouble(seconds: number): number {
  return Math.min(1, Math.max(0, (seconds - TROUBLE_SINCE) / 120));
}
