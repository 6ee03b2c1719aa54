import type { TraceSummary } from '../api/traces';
import type { UsageOfDay } from '../api/types';
import type { ServiceHealth } from './service-health';

type Rows = (string | number | null)[][];

/** Tables as rows for a file, with exact numbers: what is short on the page is not what a spreadsheet wants. */
export function traceRows(traces: readonly TraceSummary[]): Rows {
  return [
    ['trace_id', 'start', 'service', 'operation', 'duration_ms', 'spans', 'errors', 'services'],
    ...traces.map((one) => [
      one.trace_id, one.start, one.root_service, one.root_operation, one.duration_ms, one.spans, one.errors, one.services.join(' '),
    ]),
  ];
}

export function serviceRows(services: readonly ServiceHealth[]): Rows {
  return [
    ['service', 'requests_per_second', 'error_share', 'p95_ms'],
    ...services.map((one) => [one.service, one.rate, one.error_rate, one.p95_ms]),
  ];
}

export function usageRows(days: readonly UsageOfDay[]): Rows {
  return [
    ['day', 'what', 'requests', 'items', 'bytes', 'refused_requests', 'refused_items'],
    ...days.map((one) => [one.day, one.used, one.requests, one.items, one.bytes, one.refused_requests, one.refused_items]),
  ];
}
