import { describe, expect, it } from 'vitest';
import type { TelemetryAllowance } from '../api/types';
import { isRefusedNow, limitText, share, used } from './telemetry-limits';

const limit = (value: number | null) => ({ value, default: value, own: null });

const allowance: TelemetryAllowance = {
  limits: {
    active_series: limit(1000),
    active_streams: limit(10),
    labels_per_series: limit(128),
    label_value_bytes: limit(16384),
    bytes_per_second: limit(null),
  },
  may_raise: true,
  set_at: null,
  set_by: null,
  usage: { active_series: 250, active_streams: 12, bytes_per_second: 800, noted_at: null },
  reached: [],
};

describe('limits', () => {
  it('shows how much is used, never more than all', () => {
    expect(share(allowance, 'active_series')).toBe(0.25);
    expect(share(allowance, 'active_streams')).toBe(1);
  });

  it('has no share where nothing limits or nothing is counted', () => {
    expect(share(allowance, 'bytes_per_second')).toBeNull();
    expect(used(allowance, 'bytes_per_second')).toBe(800);
    expect(share(allowance, 'labels_per_series')).toBeNull();
  });

  it('refuses until midnight (UTC), and no day from then', () => {
    const at = '2026-11-30T23:50:00+01:00';
    expect(isRefusedNow(at, Date.parse('2026-11-30T23:59:00Z'))).toBe(true);
    expect(isRefusedNow(at, Date.parse('2026-12-01T00:01:00Z'))).toBe(false);
  });

  it('says that there is no limit', () => {
    expect(limitText(null, 'bytes a second')).toBe('no limit');
    expect(limitText(2_000_000, 'series a day')).toBe('2M series a day');
  });
});
