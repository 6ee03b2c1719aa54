import { infiniteQueryOptions } from '@tanstack/react-query';
import { api, read } from './client';
import { keys } from './keys';
import { PAGE_SIZE, present } from './paging';

export interface AuditFilter {
  action?: string | undefined;
}

export function auditQuery(project: string, filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: keys.audit(project, filter),
    queryFn: ({ pageParam }) =>
      read(
        api.GET('/api/v1/audit', {
          params: { query: present({ ...filter, limit: PAGE_SIZE, cursor: pageParam }) },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}
