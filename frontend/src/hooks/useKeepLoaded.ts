import { useEffect, useRef } from 'react';
import { ROW_ID_ATTRIBUTE } from './useListKeys';

interface Paged {
  hasNextPage: boolean;
  isFetching: boolean;
  fetchNextPage: () => unknown;
}

/** Pages beyond this are not asked for by themselves. */
const MOST_ROWS = 1_000;
/** So many rows stay loaded below those on the screen. */
const BELOW = 25;

/**
 * Whoever reads further down keeps what they read: new rows at the top push the last ones off the pages that are
 * loaded, and the next page brings them back. `list` is another object where another list is asked for.
 */
export function useKeepLoaded(query: Paged, ids: readonly string[], list: object): void {
  const before = useRef<{ first: string | undefined; list: object }>({ first: undefined, list });
  const { hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    if (isFetching) return;
    const { first, list: same } = before.current;
    before.current = { first: ids[0], list };
    const cameIn = same === list && first !== undefined && first !== ids[0];
    const reading = window.scrollY > window.innerHeight / 2;
    if (cameIn && reading && hasNextPage && ids.length < MOST_ROWS && nearTheEnd(ids)) void fetchNextPage();
  }, [ids, list, hasNextPage, isFetching, fetchNextPage]);
}

function nearTheEnd(ids: readonly string[]): boolean {
  const rows = [...document.querySelectorAll(`[${ROW_ID_ATTRIBUTE}]`)];
  const lowest = rows.findLast((row) => row.getBoundingClientRect().top < window.innerHeight);
  const index = ids.indexOf(lowest?.getAttribute(ROW_ID_ATTRIBUTE) ?? '');
  return index < 0 || index + BELOW >= ids.length;
}
