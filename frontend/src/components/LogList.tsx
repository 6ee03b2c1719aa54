import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useState } from 'react';
import type { LogRecord } from '../api/logs';
import type { LogSearch } from '../hooks/useLogSearch';
import { ROW_ATTRIBUTE, useListKeys } from '../hooks/useListKeys';
import { searchedTexts } from '../util/log-query';
import { LogDetails } from './LogDetails';
import { LogLine } from './LogLine';
import classes from './LogList.module.css';

interface LogListProps {
  records: readonly LogRecord[];
  search: LogSearch;
  /** Called when the end comes into sight. */
  onEnd: () => void;
  /** Called when somebody opens a line. */
  onOpen?: (() => void) | undefined;
}

const ROW_HEIGHT = 28;

/** Lines in the order that was asked for; only those near the screen are in the document. A line opens to everything known about it. */
export function LogList({ records, search, onEnd, onOpen }: LogListProps) {
  const list = useListKeys<HTMLUListElement>({ count: records.length });
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => setMargin((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY), [list]);
  const rows = useWindowVirtualizer({
    count: records.length,
    estimateSize: () => ROW_HEIGHT,
    overscan: 24,
    scrollMargin: margin,
    getItemKey: (index) => records[index]?.id ?? index,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (records.length > 0 && last >= records.length - 1) onEnd();
  }, [last, records.length, onEnd]);
  const searched = searchedTexts(search.filter.query ?? '');
  const toggle = (id: string) => {
    const next = new Set(opened);
    if (!next.delete(id)) {
      next.add(id);
      onOpen?.();
    }
    setOpened(next);
  };

  return (
    <ul ref={list} className={classes.list} aria-label="Lines" style={{ height: rows.getTotalSize() }}>
      {items.map((item) => {
        const record = records[item.index];
        if (!record) return null;
        const open = opened.has(record.id);
        return (
          <li
            key={item.key}
            ref={rows.measureElement}
            data-index={item.index}
            className={classes.item}
            style={{ transform: `translateY(${item.start - margin}px)` }}
          >
            <button
              type="button"
              className={classes.line}
              data-open={open || undefined}
              aria-expanded={open}
              {...{ [ROW_ATTRIBUTE]: item.index }}
              onClick={() => toggle(record.id)}
            >
              <LogLine record={record} searched={searched} />
            </button>
            {open && <LogDetails record={record} search={search} />}
          </li>
        );
      })}
    </ul>
  );
}
