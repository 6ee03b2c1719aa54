import { useEffect, useState } from 'react';
import { newestLines, tailUrl, type LogFilter, type LogRecord } from '../api/logs';
import { followTail, type TailGap } from '../api/log-tail';
import { checkOrLeave, renewOrLeave } from '../api/session';

export interface Tail {
  /** Newest first. */
  records: readonly LogRecord[];
  /** How many lines came, also those that are not kept any more. */
  told: number;
  /** Lines that came faster than the socket carried them. */
  dropped: number;
  /** Times without a connection of which not all lines are here. */
  gaps: readonly TailGap[];
  connected: boolean;
}

const NOTHING: Tail = { records: [], told: 0, dropped: 0, gaps: [], connected: false };
const KEPT = 2_000;

/** New lines that match, while `on`; reconnects until it is switched off. */
export function useLogTail(project: string, filter: LogFilter, on: boolean): Tail {
  const { query, service, level } = filter;
  const [tail, setTail] = useState(NOTHING);

  useEffect(() => {
    if (!on) return;
    const asked = { query, service, level };
    const following = followTail({
      url: tailUrl(project, asked),
      missed: (from) => newestLines(asked, from),
      onLines: (lines) =>
        setTail((before) => ({ ...before, told: before.told + lines.length, records: [...lines, ...before.records].slice(0, KEPT) })),
      onDropped: (count) => setTail((before) => ({ ...before, dropped: before.dropped + count })),
      onGap: (gap) => setTail((before) => ({ ...before, gaps: [...before.gaps, gap] })),
      onConnected: (connected) => setTail((before) => ({ ...before, connected })),
      onSessionOver: renewOrLeave,
      onRefused: checkOrLeave,
    });
    return () => {
      following.close();
      setTail(NOTHING);
    };
  }, [on, project, query, service, level]);

  return tail;
}
