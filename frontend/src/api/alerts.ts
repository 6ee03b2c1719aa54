import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, read } from './client';
import { keys } from './keys';
import { PAGE_SIZE, present } from './paging';

export interface AlertFilter {
  status?: string | undefined;
  q?: string | undefined;
}

export function alertListQuery(project: string, filter: AlertFilter) {
  return infiniteQueryOptions({
    queryKey: keys.alertList(project, filter),
    queryFn: ({ pageParam }) =>
      read(
        api.GET('/api/v1/alerts', {
          params: { query: present({ ...filter, limit: PAGE_SIZE, cursor: pageParam }) },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function alertQuery(project: string, id: string) {
  return queryOptions({
    queryKey: keys.alert(project, id),
    queryFn: () => read(api.GET('/api/v1/alerts/{id}', { params: { path: { id } } })),
  });
}
