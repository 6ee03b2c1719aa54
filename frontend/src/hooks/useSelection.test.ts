import { act, renderHook } from '@testing-library/react';
import { expect, it } from 'vitest';
import { useSelection } from './useSelection';

function list(ids: readonly string[]) {
  const { result, rerender } = renderHook(({ listed }) => useSelection(listed), { initialProps: { listed: ids } });
  return {
    chosen: () => result.current[0],
    choose: (next: readonly string[]) => act(() => result.current[1](next)),
    show: (listed: readonly string[]) => rerender({ listed }),
  };
}

it('lets go of what another filter does not show, and keeps the rest', () => {
  const { chosen, choose, show } = list(['a', 'b', 'c']);
  choose(['a', 'c']);
  show(['c', 'd']);
  expect(chosen()).toEqual(['c']);
});

it('does not choose again what comes back', () => {
  const { chosen, choose, show } = list(['a', 'b']);
  choose(['a']);
  show([]);
  show(['a', 'b']);
  expect(chosen()).toEqual([]);
});
