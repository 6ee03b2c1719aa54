import { useEffect, useState } from 'react';
import { parseTail, tailUrl, type LogFilter, type LogRecord } from '../api/logs';
import { reconnectDelay } from '../api/live';

export interface Tail {
  /** Newest first. */
  records: readonly LogRecord[];
  /** Lines that came faster than the socket carried them. */
  dropped: number;
  connected: boolean;
}

const NOTHING: Tail = { records: [], dropped: 0, connected: false };
const KEPT = 2_000;
/** Lines are shown in batches, so that a flood does not render once per line. */
const BATCH_MS = 250;

/** New lines that match, while `on`; reconnects until it is switched off. */
export function useLogTail(filter: LogFilter, on: boolean): Tail {
  const { query, service, level } = filter;
  const [tail, setTail] = useState(NOTHING);

  useEffect(() => {
    if (!on) return;
    let socket: WebSocket;
    let again: ReturnType<typeof setTimeout> | undefined;
    let attempt = 0;
    let waiting: LogRecord[] = [];
    let dropped = 0;
    const flush = setInterval(() => {
      if (waiting.length === 0 && dropped === 0) return;
      const [news, lost] = [waiting.reverse(), dropped];
      [waiting, dropped] = [[], 0];
      setTail((before) => ({ ...before, records: [...news, ...before.records].slice(0, KEPT), dropped: before.dropped + lost }));
    }, BATCH_MS);
    const open = () => {
      socket = new WebSocket(tailUrl({ query, service, level }));
      socket.onopen = () => {
        attempt = 0;
        setTail((before) => ({ ...before, connected: true }));
      };
      socket.onmessage = (event) => {
        const message = parseTail(String(event.data));
        if (message?.type === 'log') waiting.push(message.record);
        if (message?.type === 'dropped') dropped += message.count;
      };
      socket.onclose = () => {
        setTail((before) => ({ ...before, connected: false }));
        again = setTimeout(open, reconnectDelay(attempt++));
      };
    };
    open();
    return () => {
      clearInterval(flush);
      clearTimeout(again);
      socket.onclose = null;
      socket.close();
      setTail(NOTHING);
    };
  }, [on, query, service, level]);

  return tail;
}
