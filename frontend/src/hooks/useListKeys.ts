import { useCallback, useRef, type RefObject } from 'react';
import { useShortcuts } from './useShortcuts';

/** Rows carry this attribute with their index; keyboard focus moves between them. */
export const ROW_ATTRIBUTE = 'data-row';
/** And this one with their id. */
export const ROW_ID_ATTRIBUTE = 'data-row-id';

interface ListKeys {
  count: number;
  /** Acts on the focused row, by index. */
  on?: Record<string, (index: number) => void>;
}

/** `j`/`k` move the focus through a list's rows (real DOM focus, so Enter and screen readers follow); others act on the row. */
export function useListKeys<T extends HTMLElement>({ count, on = {} }: ListKeys): RefObject<T | null> {
  const list = useRef<T>(null);
  /** Where the focus was: a row that is acted on may leave the list and take the focus with it; the next key goes on there. */
  const place = useRef<number | null>(null);

  const focused = useCallback(() => {
    const row = document.activeElement?.closest(`[${ROW_ATTRIBUTE}]`);
    if (!row || !list.current?.contains(row)) return -1;
    return Number(row.getAttribute(ROW_ATTRIBUTE));
  }, []);

  const move = (by: number) => {
    const current = focused();
    const lost = document.activeElement === document.body ? place.current : null;
    const wanted = current < 0 ? (lost ?? 0) : current + by;
    const next = Math.min(count - 1, Math.max(0, wanted));
    place.current = next;
    const row = list.current?.querySelector<HTMLElement>(`[${ROW_ATTRIBUTE}="${next}"]`);
    (row?.querySelector<HTMLElement>('[data-row-link]') ?? row)?.focus();
  };

  useShortcuts([
    ['j', () => move(1)],
    ['k', () => move(-1)],
    ...Object.entries(on).map(([key, act]): [string, () => void] => [
      key,
      () => {
        const index = focused();
        if (index < 0) return;
        place.current = index;
        act(index);
      },
    ]),
  ]);

  return list;
}
