import { renderHook } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { useKeepLoaded } from './useKeepLoaded';

const LIST = {};
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));

/** Somebody who has 100 rows and this one at the lower edge of the screen. */
function reader(row: string, scrollY = 5_000) {
  vi.stubGlobal('scrollY', scrollY);
  document.body.innerHTML = `<i data-row-id="${row}"></i>`;
  const fetchNextPage = vi.fn();
  const query = { hasNextPage: true, isFetching: false, fetchNextPage };
  const hook = renderHook(({ ids, list }: { ids: string[]; list: object }) => useKeepLoaded(query, ids, list), {
    initialProps: { ids: rows(100, 200), list: LIST },
  });
  return { fetchNextPage, ...hook };
}

it('brings more when new rows push what is read towards the end', () => {
  const { fetchNextPage, rerender } = reader('160');
  rerender({ ids: rows(99, 199), list: LIST });
  expect(fetchNextPage).not.toHaveBeenCalled();
  rerender({ ids: rows(80, 180), list: LIST });
  expect(fetchNextPage).toHaveBeenCalledOnce();
});

it('leaves alone who reads the top, another list, and an end that nothing pushes', () => {
  const top = reader('195', 0);
  top.rerender({ ids: rows(80, 180), list: LIST });
  expect(top.fetchNextPage).not.toHaveBeenCalled();
  const other = reader('195');
  other.rerender({ ids: rows(80, 180), list: {} });
  expect(other.fetchNextPage).not.toHaveBeenCalled();
  const quiet = reader('195');
  quiet.rerender({ ids: rows(100, 200), list: LIST });
  expect(quiet.fetchNextPage).not.toHaveBeenCalled();
});
