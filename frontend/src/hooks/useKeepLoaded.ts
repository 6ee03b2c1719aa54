import { useEffect, useRef } from 'react';

interface Paged {
  hasNextPage: boolean;
  isFetching: boolean;
  fetchNextPage: () => unknown;
}

/** Pages beyond this are not asked for by themselves. */
const MOST_ROWS = 1_000;

/**
 * Whoever reads further down keeps what they read: new rows at the top push the last ones off the pages that are
 * loaded, and the next page brings them back. `list` is another object where another list is asked for.
 */
export function useKeepLoaded(query: Paged, ids: readonly string[], list: object): void {
  const last = useRef<{ id: string | undefined; list: object }>({ id: undefined, list });
  const { hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    if (isFetching) return;
    const { id, list: before } = last.current;
    const pushedOff = before === list && id !== undefined && !ids.includes(id);
    const reading = window.scrollY > window.innerHeight / 2;
    if (pushedOff && reading && hasNextPage && ids.length < MOST_ROWS) void fetchNextPage();
    else last.current = { id: ids.at(-1), list };
  }, [ids, list, hasNextPage, isFetching, fetchNextPage]);
}
