import { useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { chosenRange, type RangeName, type RangeSearch } from '../util/range';

/** The range of the URL, or the page's default; stable between renders, so it can be part of a query key. */
export function useTimeRange(fallback: RangeName): RangeSearch {
  const { range, from, to } = useSearch({ strict: false });
  return useMemo(() => chosenRange({ range, from, to }, fallback), [range, from, to, fallback]);
}
