import { expect, it } from 'vitest';
import { percent, sampleText, shortCount, shortDuration } from './numbers';
import { unitOf } from './units';

const none = () => undefined;

it('writes durations with the unit that keeps three figures', () => {
  expect(shortDuration(0.25)).toBe('250 µs');
  expect(shortDuration(12.456)).toBe('12.5 ms');
  expect(shortDuration(1234)).toBe('1.23 s');
  expect(shortDuration(200_000)).toBe('3 min 20 s');
  expect(shortDuration(119_600)).toBe('2 min');
});

it('writes what takes hours and days in hours and days, as uptimes and backups do', () => {
  expect(shortDuration(18_600_000)).toBe('5 h 10 min');
  expect(sampleText(864_000, 'seconds')).toBe('10 d');
  expect(sampleText(-90_000, 'seconds')).toBe('-1 d 1 h');
});

it('abbreviates large counts only', () => {
  expect(shortCount(9_876)).toBe('9,876');
  expect(shortCount(1_234_567)).toBe('1.2M');
  expect(percent(0.0042)).toBe('0.42 %');
  expect(percent(0.314)).toBe('31 %');
});

it('shows samples in their unit, and says what is not a number', () => {
  expect(sampleText(0.0123, 'seconds')).toBe('12.3 ms');
  expect(sampleText(5 * 1024 * 1024, 'bytes/s')).toBe('5 MiB/s');
  expect(sampleText(0.31, 'ratio')).toBe('31 %');
  expect(sampleText(Number.NaN, 'none')).toBe('–');
  expect(sampleText(Infinity, 'none')).toBe('+Inf');
});

it('takes the unit from metadata or the name, and from the rate around it', () => {
  expect(unitOf('process_resident_memory_bytes', none)).toBe('bytes');
  expect(unitOf('rate(node_network_receive_bytes_total{device!="lo"}[5m])', none)).toBe('bytes/s');
  expect(unitOf('sum by (job) (rate(http_requests_total[5m]))', none)).toBe('/s');
  expect(unitOf('histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))', none)).toBe('seconds');
  expect(unitOf('disk_used', () => ({ unit: 'bytes' }))).toBe('bytes');
});

it('reads OpenTelemetry’s units', () => {
  expect(unitOf('process_memory_usage_bytes', () => ({ unit: 'By' }))).toBe('bytes');
  expect(unitOf('histogram_quantile(0.95, sum by (le) (rate(http_server_duration_seconds_bucket[5m])))', () => ({ unit: 's' }))).toBe('seconds');
  expect(unitOf('queue_wait_milliseconds', () => ({ unit: 'ms' }))).toBe('milliseconds');
  expect(unitOf('cache_hit_ratio', () => ({ unit: '1' }))).toBe('ratio');
  expect(unitOf('queue_depth', () => ({ unit: '{item}' }))).toBe('none');
  expect(sampleText(250, 'milliseconds')).toBe('250 ms');
});

it('counts requests in a bucket, not what its bound is measured in', () => {
  expect(unitOf('http_request_duration_seconds_bucket', none)).toBe('none');
  expect(unitOf('sum by (le) (rate(http_request_duration_seconds_bucket[5m]))', none)).toBe('/s');
});

it('has no unit where arithmetic took it away', () => {
  expect(unitOf('node_memory_free_bytes / node_memory_total_bytes', none)).toBe('none');
  expect(unitOf('count(process_resident_memory_bytes)', none)).toBe('none');
});
