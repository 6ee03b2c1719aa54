import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { LEVELS, type LogFilter, type LogWindow } from '../api/logs';
import { withoutTerm, withTerm, type Term } from '../util/log-query';
import { instants } from '../util/range';
import { useTimeRange } from './useTimeRange';

type Change = Partial<Record<'q' | 'service' | 'level' | 'tab' | 'live' | 'order', string | undefined>>;

/** What the logs page searches for, as the URL says, and how to change it. */
export function useLogSearch() {
  const { q, service, level, tab, live, order } = useSearch({ strict: false });
  const range = useTimeRange('1h');
  const navigate = useNavigate();
  const asked = level?.split(',').filter(Boolean) ?? [];
  const levels = asked.filter(isLevel).join(',') || undefined;
  const filter = useMemo((): LogFilter => ({ query: q, service, level: levels }), [q, service, levels]);
  const set = (change: Change) => void navigate({ to: '.', search: (before) => ({ ...before, ...change }), resetScroll: false });
  const toggled = (list: string | undefined, value: string) => {
    const values = new Set(list?.split(',').filter(Boolean));
    if (!values.delete(value)) values.add(value);
    return [...values].join(',') || undefined;
  };
  return {
    filter,
    /** What the URL names as levels and are none; the server would refuse the whole search. */
    noLevels: asked.filter((name) => !isLevel(name)),
    range,
    tab: tab === 'patterns' ? ('patterns' as const) : ('lines' as const),
    live: live === '1',
    order: order === 'oldest' ? ('oldest_first' as const) : ('newest_first' as const),
    window: (): LogWindow => instants(range),
    set,
    toggleService: (name: string) => set({ service: toggled(service, name) }),
    toggleLevel: (name: string) => set({ level: toggled(levels, name) }),
    addTerm: (term: Term) => set({ q: withTerm(q ?? '', term) || undefined }),
    removeTerm: (term: Term) => set({ q: withoutTerm(q ?? '', term) || undefined }),
  };
}

function isLevel(name: string): boolean {
  return LEVELS.some((level) => level === name);
}

export type LogSearch = ReturnType<typeof useLogSearch>;
