import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { LEVELS, type LogFilter, type LogWindow } from '../api/logs';
import { readList, readOne, unreadOf } from '../util/address';
import { withoutTerm, withTerm, type Term } from '../util/log-query';
import { instants } from '../util/range';
import { useTimeRange } from './useTimeRange';

type Change = Partial<Record<'q' | 'service' | 'level' | 'tab' | 'live' | 'order' | 'line', string | undefined>>;

/** What the logs page searches for, as the URL says, and how to change it. */
export function useLogSearch() {
  const { q, service, level, tab, live, order, line } = useSearch({ strict: false });
  const range = useTimeRange('1h');
  const navigate = useNavigate();
  const { used: levels, unread: noLevels } = readList(level, LEVELS);
  const filter = useMemo((): LogFilter => ({ query: q, service, level: levels }), [q, service, levels]);
  // Whoever searches on has read the line that a link led to.
  const set = (change: Change) => void navigate({ to: '.', search: (before) => ({ ...before, line: undefined, ...change }), resetScroll: false });
  const toggled = (list: string | undefined, value: string) => {
    const values = new Set(list?.split(',').filter(Boolean));
    if (!values.delete(value)) values.add(value);
    return [...values].join(',') || undefined;
  };
  return {
    filter,
    /** What the URL asks for and cannot be asked for; the server would refuse the whole search. */
    unread: unreadOf(
      { values: noLevels, is: 'no level', are: 'no levels', instead: `There are ${LEVELS.join(', ')}.` },
      {
        values: readOne(order, ['oldest'] as const).unread,
        is: 'no order',
        are: 'no orders',
        instead: 'There is oldest; without one the newest lines come first.',
      },
    ),
    range,
    tab: tab === 'patterns' ? ('patterns' as const) : ('lines' as const),
    live: live === '1',
    line,
    order: order === 'oldest' ? ('oldest_first' as const) : ('newest_first' as const),
    window: (): LogWindow => instants(range),
    set,
    toggleService: (name: string) => set({ service: toggled(service, name) }),
    toggleLevel: (name: string) => set({ level: toggled(levels, name) }),
    addTerm: (term: Term) => set({ q: withTerm(q ?? '', term) || undefined }),
    removeTerm: (term: Term) => set({ q: withoutTerm(q ?? '', term) || undefined }),
  };
}

export type LogSearch = ReturnType<typeof useLogSearch>;
