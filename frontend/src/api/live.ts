import { parseFrame, type Change } from './live-frames';
import { onWake } from './wake';

/** `since` is the time (ms) from which the screen may be out of date. */
export type LiveState =
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** Connected, but the server itself does not show what happened after `since`. */
  | { kind: 'behind'; since: number }
  | { kind: 'reconnecting'; since: number };

export interface LiveOptions {
  url: string;
  /** Whose changes are wanted. */
  project: string;
  onChange(change: Change): void;
  /** Everything visible may be out of date: another epoch, a resync, or the first connection. */
  onGap(): void;
  /** The socket was closed because the session is over; resolves with whether there is a new one. */
  onSessionOver(): Promise<boolean>;
  /** The socket was not let in, for a reason that may be the session or its project; resolves with whether to go on. */
  onRefused(): Promise<boolean>;
  onState(state: LiveState): void;
}

export interface LiveConnection {
  close(): void;
}

export const CLOSE_SESSION_OVER = 4401;
/** All tabs share one session, and another tab has changed its project. */
export const CLOSE_OTHER_PROJECT = 4409;

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 20_000;

/** Exponential with jitter between half and all of the step, so that a restarted server is not met by everybody at once. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  const step = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return step / 2 + (random() * step) / 2;
}

/** One WebSocket that reconnects until closed and resumes where it stopped, by `{epoch, seq}`. */
export function connectLive(options: LiveOptions): LiveConnection {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let position: { epoch: string; seq: number } | undefined;
  let attempt = 0;
  let lostAt: number | undefined;
  let greeted = false;
  let closed = false;

  const open = () => {
    clearTimeout(timer);
    greeted = false;
    options.onState(lostAt === undefined ? { kind: 'connecting' } : { kind: 'reconnecting', since: lostAt });
    socket = new WebSocket(resumeUrl(options.url, position));
    socket.onmessage = (event) => receive(String(event.data));
    socket.onclose = (event) => void lose(event.code);
  };

  const receive = (text: string) => {
    const frame = parseFrame(text);
    if (!frame) return;
    if (frame.type === 'hello') {
      if (frame.project_id && frame.project_id !== options.project.toLowerCase()) return leave();
      greet(frame.epoch, frame.seq);
      if (frame.behind_since) options.onState({ kind: 'behind', since: Date.parse(frame.behind_since) });
      return;
    }
    if (frame.type === 'behind') return pace(frame.since);
    if (frame.type === 'resync') {
      position = { epoch: frame.epoch, seq: frame.seq };
      return options.onGap();
    }
    if (position) position.seq = Math.max(position.seq, frame.seq);
    options.onChange(frame);
  };

  const greet = (epoch: string, seq: number) => {
    const resumes = position?.epoch === epoch && position.seq <= seq;
    if (!resumes) position = { epoch, seq };
    greeted = true;
    attempt = 0;
    lostAt = undefined;
    options.onState({ kind: 'live' });
    if (!resumes) options.onGap();
  };

  const pace = (since: string | null) => {
    if (since !== null) return options.onState({ kind: 'behind', since: Date.parse(since) });
    options.onState({ kind: 'live' });
    // What was asked meanwhile was answered with the past, or not at all.
    options.onGap();
  };

  /** What another project's socket would count is no position of ours. */
  const leave = () => {
    position = undefined;
    if (!socket) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    void lose(CLOSE_OTHER_PROJECT);
  };

  const lose = async (code: number) => {
    if (closed) return;
    lostAt ??= Date.now();
    options.onState({ kind: 'reconnecting', since: lostAt });
    const lost = socket;
    if (!(await mayGoOn(code))) return;
    if (!closed && socket === lost) timer = setTimeout(open, reconnectDelay(attempt++));
  };

  const mayGoOn = async (code: number) => {
    if (code === CLOSE_SESSION_OVER) return options.onSessionOver();
    // A handshake that was answered with 401 looks to the page like one that was not answered.
    return greeted || options.onRefused();
  };

  const retryNow = () => {
    if (!closed && lostAt !== undefined && socket?.readyState !== WebSocket.CONNECTING) open();
  };
  // The browser does not report a dead link for minutes; it does report that the network went away.
  const drop = () => socket?.close();

  /** The old socket is forgotten, not waited for: a dead one takes minutes to close. */
  const renew = () => {
    if (closed || !socket) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    lostAt ??= Date.now();
    open();
  };

  window.addEventListener('online', retryNow);
  window.addEventListener('offline', drop);
  const stopWaking = onWake(renew);
  open();

  return {
    close() {
      closed = true;
      clearTimeout(timer);
      stopWaking();
      window.removeEventListener('online', retryNow);
      window.removeEventListener('offline', drop);
      socket?.close();
    },
  };
}

/** `/ws` of the page's own origin, for one project: the cookie may be of the project of another tab. */
export function liveUrl(project: string, location: Location = window.location): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws?${new URLSearchParams({ project })}`;
}

function resumeUrl(url: string, position: { epoch: string; seq: number } | undefined): string {
  if (!position) return url;
  const resumed = new URL(url);
  resumed.searchParams.set('epoch', position.epoch);
  resumed.searchParams.set('seq', String(position.seq));
  return resumed.href;
}
