import type { LogRecord } from '../api/logs';

/** So much before and after the line is in the range that the link opens. */
const AROUND_MS = 5 * 60_000;

/** The address of one line among those of its service around it, to be sent to somebody. */
export function lineLink(origin: string, project: string, { id, service, time }: Pick<LogRecord, 'id' | 'service' | 'time'>): string {
  const at = (ms: number) => new Date(Date.parse(time) + ms).toISOString();
  const search = new URLSearchParams([['from', at(-AROUND_MS)], ['to', at(AROUND_MS)], ...(service ? [['service', service]] : []), ['line', id]]);
  return `${origin}/p/${project}/logs?${search}`;
}
