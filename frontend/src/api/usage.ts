import { queryOptions } from '@tanstack/react-query';
import { api, read } from './client';
import { keys } from './keys';

/** What the organisation used in the last 30 days; it is counted once a minute, so it is asked again as often. */
export function usageQuery(project: string) {
  return queryOptions({
    queryKey: keys.usage(project),
    queryFn: () => read(api.GET('/api/v1/usage')),
    refetchInterval: 60_000,
  });
}
