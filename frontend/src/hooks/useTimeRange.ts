import { useMatches, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { chosenRange, type RangeName, type RangeSearch } from '../util/range';

/** The range of the URL, or the page's default; stable between renders, so it can be part of a query key. */
export function useTimeRange(fallback: RangeName): RangeSearch {
  const { range, from, to } = useSearch({ strict: false });
  const allTime = useAllTime();
  return useMemo(
    () => chosenRange({ range, from, to }, fallback, Date.now(), allTime || fallback === 'all'),
    [range, from, to, fallback, allTime],
  );
}

/** The page that is open offers all time beside its own range. */
export function useAllTime(): boolean {
  return useMatches({ select: (matches) => matches.some((match) => match.staticData.allTime === true) });
}

/** To read the page that is open is told in the audit. */
export function useAudited(): boolean {
  return useMatches({ select: (matches) => matches.some((match) => match.staticData.audited === true) });
}

/** The range of the page that is open when the URL names none; undefined where it reads no range at all. */
export function usePageRange(): RangeName | undefined {
  return useMatches({ select: (matches) => matches.map((match) => match.staticData.timeRange).findLast(Boolean) });
}
