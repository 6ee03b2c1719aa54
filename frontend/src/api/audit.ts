import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { resolveRange, type RangeSearch } from '../util/range';
import { api, read, write } from './client';
import { keys } from './keys';
import { PAGE_SIZE, present } from './paging';
import type { operations } from './schema';

type Asked = NonNullable<operations['list_audit']['parameters']['query']>;

/** What the page filters by; the range is apart, because the instants it stands for move. */
export type AuditFilter = Pick<Asked, 'actor' | 'kind' | 'q' | 'result' | 'target_id' | 'target_type'>;

export function auditQuery(project: string, filter: AuditFilter, range: RangeSearch) {
  return infiniteQueryOptions({
    queryKey: keys.audit(project, 'list', { ...filter, ...range }),
    queryFn: ({ pageParam }) =>
      read(
        api.GET('/api/v1/audit', {
          params: { query: present({ ...asked(filter, range), limit: PAGE_SIZE, cursor: pageParam }) },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function auditStatsQuery(project: string, filter: AuditFilter, range: RangeSearch) {
  return queryOptions({
    queryKey: keys.audit(project, 'stats', { ...filter, ...range }),
    queryFn: () => read(api.GET('/api/v1/audit/stats', { params: { query: present(asked(filter, range)) } })),
    placeholderData: keepPreviousData,
  });
}

/** Where the file is; without a filter it is the whole chain, which can be verified. */
export function auditFile(format: 'jsonl' | 'csv', filter: AuditFilter, range: RangeSearch): string {
  const given = Object.entries(present({ format, ...asked(filter, range) }));
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return `/api/v1/audit/export?${query.toString()}`;
}

export function auditRetentionQuery(project: string) {
  return queryOptions({
    queryKey: keys.audit(project, 'retention', {}),
    queryFn: () => read(api.GET('/api/v1/audit/retention')),
  });
}

export async function setAuditRetention(days: number): Promise<void> {
  await write<unknown>(api.PUT('/api/v1/audit/retention', { body: { days } }), () => Promise.resolve(null));
}

function asked(filter: AuditFilter, range: RangeSearch): Asked {
  return { ...filter, ...resolveRange(range, Date.now()) };
}
