import { renderHook } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { useKeepLoaded } from './useKeepLoaded';

const LIST = {};

function reader(scrollY: number) {
  vi.stubGlobal('scrollY', scrollY);
  const fetchNextPage = vi.fn();
  const query = { hasNextPage: true, isFetching: false, fetchNextPage };
  const hook = renderHook(({ ids, list }: { ids: string[]; list: object }) => useKeepLoaded(query, ids, list), {
    initialProps: { ids: ['c', 'b', 'a'], list: LIST },
  });
  return { fetchNextPage, ...hook };
}

it('brings back what new rows have pushed off the pages that are read', () => {
  const { fetchNextPage, rerender } = reader(5_000);
  rerender({ ids: ['d', 'c', 'b', 'a'], list: LIST });
  expect(fetchNextPage).not.toHaveBeenCalled();
  rerender({ ids: ['e', 'd', 'c', 'b'], list: LIST });
  expect(fetchNextPage).toHaveBeenCalledOnce();
});

it('leaves alone who reads the top, and another list', () => {
  const top = reader(0);
  top.rerender({ ids: ['d', 'c', 'b'], list: LIST });
  expect(top.fetchNextPage).not.toHaveBeenCalled();
  const other = reader(5_000);
  other.rerender({ ids: ['z', 'y'], list: {} });
  expect(other.fetchNextPage).not.toHaveBeenCalled();
});
