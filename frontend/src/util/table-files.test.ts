import { expect, it } from 'vitest';
import { serviceRows, usageRows } from './table-files';

it('has a header and exact numbers', () => {
  const service = { service: 'pay', rate: 12_345.678, error_rate: 0.00421, p95_ms: 340, operations: [], rates: [], errorRates: [] };
  expect(serviceRows([service])).toEqual([
    ['service', 'requests_per_second', 'error_share', 'p95_ms'],
    ['pay', 12_345.678, 0.00421, 340],
  ]);
});

it('has as many cells in each row as in the header', () => {
  const day = { day: '2026-11-23', used: 'logs', requests: 1, items: 2, bytes: 3, refused_requests: 4, refused_items: 5 };
  const [header, row] = usageRows([day]);
  expect(row).toHaveLength(header?.length ?? 0);
  expect(row?.at(-1)).toBe(5);
});
