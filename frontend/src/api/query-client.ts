import { QueryClient } from '@tanstack/react-query';
import { asProblem, isRetryable } from './problem';

const RETRIES = 2;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Asked also while the browser says that there is no network: a page that waits would not say why.
        networkMode: 'always',
        refetchOnReconnect: true,
        // The live connection says what changed; a short time only spares a refetch on quick navigation.
        staleTime: 10_000,
        gcTime: 10 * 60_000,
        retry: (failures, error) => failures < RETRIES && isRetryable(asProblem(error)),
        retryDelay: (attempt) => Math.min(4_000, 400 * 2 ** attempt),
        // A read that keeps failing because the database is away comes back on its own.
        refetchInterval: (query) =>
          query.state.status === 'error' && isRetryable(asProblem(query.state.error)) ? 5_000 : false,
      },
      // A write that waited for the network would be done when nobody expects it any more.
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
