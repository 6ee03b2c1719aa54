import { twoUnits } from './time';
import type { MetricUnit } from './units';

const HOUR = 3_600;
const DAY = 24 * HOUR;

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat('en-GB', { maximumSignificantDigits: 4 });
const exact = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 6 });

/** "12.3K": counts on the page; the exact number is on hover. */
export function shortCount(value: number): string {
  return Math.abs(value) < 10_000 ? exact.format(Math.round(value * 100) / 100) : compact.format(value);
}

export function exactCount(value: number): string {
  return exact.format(value);
}

/** "340 µs", "12.5 ms", "1.2 s", "3 min 20 s", "5 h 10 min", "12 d 4 h" for durations in milliseconds. */
export function shortDuration(ms: number): string {
  if (ms === 0) return '0 ms';
  if (ms < 0.001) return `${plain.format(ms * 1e6)} ns`;
  if (ms < 1) return `${three(ms * 1000)} µs`;
  if (ms < 1000) return `${three(ms)} ms`;
  if (ms < 60_000) return `${three(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < HOUR) return twoUnits(seconds, 60, 'min', 1, 's');
  if (seconds < DAY) return twoUnits(seconds, HOUR, 'h', 60, 'min');
  return twoUnits(seconds, DAY, 'd', HOUR, 'h');
}

/** "0.4 %", "31 %" for a share between 0 and 1. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0 %';
  if (value < 0.01) return '<0.01 %';
  return `${value < 10 ? Number(value.toFixed(2)) : Math.round(value)} %`;
}

/** "12.4/s", "0.2/s", "1.2K/s". */
export function rate(perSecond: number): string {
  return `${perSecond >= 10_000 ? compact.format(perSecond) : three(perSecond)}/s`;
}

/** A sample with its unit, short enough for an axis. */
export function sampleText(value: number | null | undefined, unit: MetricUnit): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (unit === 'seconds') return value < 0 ? `-${shortDuration(-value * 1000)}` : shortDuration(value * 1000);
  if (unit === 'milliseconds') return value < 0 ? `-${shortDuration(-value)}` : shortDuration(value);
  if (unit === 'bytes' || unit === 'bytes/s') return bytes(value) + (unit === 'bytes/s' ? '/s' : '');
  if (unit === 'ratio') return `${three(value * 100)} %`;
  const size = Math.abs(value);
  const text = size >= 10_000 ? compact.format(value) : plain.format(value);
  return unit === '/s' ? `${text}/s` : text;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < BYTE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${three(size)} ${BYTE_UNITS[unit]}`;
}

function three(value: number): string {
  return String(Number(value.toPrecision(3)));
}
