import type { Page } from './types';

/** Rows per request of a list that is read page by page. */
export const PAGE_SIZE = 50;

/** Lists that belong to one thing are read whole, in pages of the server's largest size, up to this many. */
const MAX_PAGES = 10;
const LARGEST_PAGE = 200;

export async function allPages<T>(
  fetchPage: (page: { limit: number; cursor?: string }) => Promise<Page<T>>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await fetchPage(present({ limit: LARGEST_PAGE, cursor }));
    items.push(...answer.items);
    cursor = answer.next_cursor ?? undefined;
    if (!cursor) break;
  }
  return items;
}

/** Drops undefined and empty values, so that a filter that is not set is not sent. */
export function present<T extends object>(query: T): T {
  return Object.fromEntries(
    Object.entries(query).filter(([, value]) => value !== undefined && value !== ''),
  ) as T;
}
