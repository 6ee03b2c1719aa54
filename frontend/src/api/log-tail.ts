import { CLOSE_OTHER_PROJECT, CLOSE_SESSION_OVER, reconnectDelay } from './live';
import { parseTail, type LogRecord } from './logs';
import { onWake } from './wake';

/** A time of which not all lines were told. */
export interface TailGap {
  from: string;
  to: string;
}

export interface TailOptions {
  url: string;
  /** The newest lines that were not told, from this time on; newest first. */
  missed(from: string): Promise<{ items: readonly LogRecord[]; next_cursor?: string | null }>;
  /** Lines that are newer than all before, newest first. */
  onLines(lines: readonly LogRecord[]): void;
  /** Lines that came faster than the socket carried them. */
  onDropped(count: number): void;
  onGap(gap: TailGap): void;
  onConnected(connected: boolean): void;
  /** See `LiveOptions`. */
  onSessionOver(): Promise<boolean>;
  onRefused(): Promise<boolean>;
}

/** Lines are told in batches, so that a flood does not render once per line. */
const BATCH_MS = 250;
/** Lines do not arrive in the order of their times: so much before the last one is asked for again. */
const SLACK_MS = 10_000;
/** Lines that are known by their ids, so that none is told twice. */
const KNOWN = 4_000;

/**
 * One WebSocket of log lines that reconnects until closed. The socket tells only what arrives while it is open, so what
 * arrived in between is searched for and told before what follows it.
 */
export function followTail(options: TailOptions): { close(): void } {
  let socket: WebSocket;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let closed = false;
  let lost = false;
  let searches = 0;
  let waiting: LogRecord[] = [];
  let dropped = 0;
  /** The time of the newest line. Ours until there is one: it may be another than that of the senders. */
  let newest: number | undefined;
  const startedAt = Date.now();
  const known = new Set<string>();

  const open = () => {
    let opened = false;
    socket = new WebSocket(options.url);
    socket.onopen = () => {
      opened = true;
      options.onConnected(true);
      if (lost) void catchUp(newest ?? startedAt);
    };
    socket.onmessage = (event) => {
      const message = parseTail(String(event.data));
      if (message?.type === 'log') waiting.push(message.record);
      if (message?.type === 'dropped') dropped += message.count;
    };
    socket.onclose = ({ code }) => void lose(code, opened);
  };

  const lose = async (code: number, opened: boolean) => {
    lost = true;
    options.onConnected(false);
    if (opened && code !== CLOSE_OTHER_PROJECT) attempt = 0;
    const before = socket;
    if (!(await mayGoOn(code, opened)) || closed || socket !== before) return;
    timer = setTimeout(open, reconnectDelay(attempt++));
  };

  /** The old socket is forgotten, not waited for: a dead one takes minutes to close. */
  const renew = () => {
    clearTimeout(timer);
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    lost = true;
    options.onConnected(false);
    open();
  };

  const mayGoOn = async (code: number, opened: boolean) => {
    if (code === CLOSE_SESSION_OVER) return options.onSessionOver();
    return (opened && code !== CLOSE_OTHER_PROJECT) || options.onRefused();
  };

  /** What the socket tells meanwhile waits: it comes after what was missed. */
  const catchUp = async (since: number) => {
    searches += 1;
    const found = await options.missed(new Date(since - SLACK_MS).toISOString()).catch(() => undefined);
    searches -= 1;
    if (closed) return;
    const lines = found ? unknown(found.items) : [];
    const reached = found?.items.at(-1)?.time;
    if (!found) options.onGap({ from: new Date(since).toISOString(), to: new Date().toISOString() });
    else if (found.next_cursor && reached && Date.parse(reached) > since) options.onGap({ from: new Date(since).toISOString(), to: reached });
    if (lines.length > 0) options.onLines(lines);
    flush();
  };

  const flush = () => {
    if (searches > 0) return;
    const lines = unknown(waiting.reverse());
    waiting = [];
    if (lines.length > 0) options.onLines(lines);
    if (dropped > 0) options.onDropped(dropped);
    dropped = 0;
  };

  /** Those that were not told yet; from now on they are. */
  const unknown = (records: readonly LogRecord[]) => {
    const news = records.filter(({ id }) => !known.has(id));
    for (const { id, time } of news) {
      known.add(id);
      // A sender whose clock is ahead must not hide the lines of others.
      newest = Math.max(newest ?? 0, Math.min(Date.parse(time), Date.now()));
    }
    for (const id of known) {
      if (known.size <= KNOWN) break;
      known.delete(id);
    }
    return news;
  };

  const batches = setInterval(flush, BATCH_MS);
  const stopWaking = onWake(renew);
  open();

  return {
    close() {
      closed = true;
      stopWaking();
      clearInterval(batches);
      clearTimeout(timer);
      socket.onclose = null;
      socket.close();
    },
  };
}
