import { useMemo, useState, type Dispatch, type SetStateAction } from 'react';

/**
 * Which rows of a list are chosen. What leaves the list is not chosen any more, also where it comes back: what is done to
 * all that are chosen must not be done to what nobody saw being chosen.
 */
export function useSelection(ids: readonly string[]): [chosen: readonly string[], choose: Dispatch<SetStateAction<readonly string[]>>] {
  const [chosen, choose] = useState<readonly string[]>([]);
  const listed = useMemo(() => new Set(ids), [ids]);
  const left = chosen.filter((id) => listed.has(id));
  if (left.length < chosen.length) choose(left);
  return [left, choose];
}
