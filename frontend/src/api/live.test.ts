import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CLOSE_OTHER_PROJECT, CLOSE_SESSION_OVER, connectLive, liveUrl, reconnectDelay, type LiveConnection, type LiveState } from './live';

/** A socket whose far end is the test. */
class FakeSocket {
  static opened: FakeSocket[] = [];
  static readonly CONNECTING = 0;
  readyState = 1;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
    FakeSocket.opened.push(this);
  }

  send(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  drop(code = 1006) {
    this.onclose?.({ code });
  }

  close() {
    this.drop(1000);
  }
}

const newest = () => {
  const socket = FakeSocket.opened.at(-1);
  if (!socket) throw new Error('no socket was opened');
  return socket;
};

let connection: LiveConnection | undefined;
const seen = { states: [] as LiveState['kind'][], changes: [] as string[], gaps: 0, renewals: 0, checks: 0 };
let session = true;

function connect() {
  connection = connectLive({
    url: 'ws://console/ws?project=p',
    project: 'p',
    onChange: ({ key }) => seen.changes.push(key),
    onGap: () => { seen.gaps += 1; },
    onSessionOver: async () => { seen.renewals += 1; return session; },
    onRefused: async () => { seen.checks += 1; return session; },
    onState: ({ kind }) => seen.states.push(kind),
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  FakeSocket.opened = [];
  Object.assign(seen, { states: [], changes: [], gaps: 0, renewals: 0, checks: 0 });
  session = true;
  connect();
});

afterEach(() => {
  connection?.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const change = (key: string, seq: number) => ({ type: 'incident.updated', project_id: 'p', key, seq });

describe('connectLive', () => {
  it('is live after hello and passes changes on', () => {
    newest().send({ type: 'hello', epoch: 'a', seq: 10 });
    newest().send(change('i1', 11));
    expect(seen.states).toEqual(['connecting', 'live']);
    expect(seen.changes).toEqual(['i1']);
  });

  it('resumes from the last change and sees no gap in the same epoch', async () => {
    newest().send({ type: 'hello', epoch: 'a', seq: 10 });
    newest().send(change('i1', 14));
    const gaps = seen.gaps;
    newest().drop();
    expect(seen.states.at(-1)).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(newest().url).toBe('ws://console/ws?project=p&epoch=a&seq=14');
    newest().send({ type: 'hello', epoch: 'a', seq: 15 });
    expect(seen.states.at(-1)).toBe('live');
    expect(seen.gaps).toBe(gaps);
  });

  it('reports a gap when the epoch is another one, or the server says resync', async () => {
    newest().send({ type: 'hello', epoch: 'a', seq: 10 });
    const first = seen.gaps;
    newest().drop();
    await vi.advanceTimersByTimeAsync(1_000);
    newest().send({ type: 'hello', epoch: 'b', seq: 2 });
    expect(seen.gaps).toBe(first + 1);
    newest().send({ type: 'resync', epoch: 'b', seq: 9 });
    expect(seen.gaps).toBe(first + 2);
  });

  it('stops when the session is over and cannot be renewed', async () => {
    session = false;
    newest().send({ type: 'hello', epoch: 'a', seq: 1 });
    newest().drop(CLOSE_SESSION_OVER);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.opened).toHaveLength(1);
  });

  it('comes back after a renewed session', async () => {
    newest().send({ type: 'hello', epoch: 'a', seq: 1 });
    newest().drop(CLOSE_SESSION_OVER);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.opened).toHaveLength(2);
  });

  it('after a sleep opens a new socket and goes on where it was, whatever the old one says', async () => {
    newest().send({ type: 'hello', epoch: 'a', seq: 10 });
    const old = newest();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(FakeSocket.opened).toHaveLength(1);
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(FakeSocket.opened).toHaveLength(2);
    expect(newest().url).toBe('ws://console/ws?project=p&epoch=a&seq=10');
    expect(seen.states.at(-1)).toBe('reconnecting');
    old.drop();
    newest().send({ type: 'hello', epoch: 'a', seq: 10 });
    expect(seen.states.at(-1)).toBe('live');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.opened).toHaveLength(2);
  });

  it('has the session checked before the second try where the first was not let in', async () => {
    newest().send({ type: 'hello', epoch: 'a', seq: 1 });
    newest().drop(CLOSE_SESSION_OVER);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([seen.renewals, seen.checks]).toEqual([1, 0]);
    newest().drop();
    await vi.advanceTimersByTimeAsync(0);
    expect([seen.renewals, seen.checks]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.opened).toHaveLength(3);
    newest().send({ type: 'hello', epoch: 'a', seq: 1 });
    newest().drop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.opened).toHaveLength(4);
    expect([seen.renewals, seen.checks]).toEqual([1, 1]);
  });

  it('is not live on the socket of another project, whoever says so', async () => {
    newest().drop(CLOSE_OTHER_PROJECT);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.checks).toBe(1);
    const misled = newest();
    misled.send({ type: 'hello', epoch: 'a', seq: 40, project_id: 'q' });
    misled.send(change('foreign', 41));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(seen.checks).toBe(2);
    expect(seen.states).not.toContain('live');
    expect(seen.changes).toEqual([]);
    expect(newest()).not.toBe(misled);
    expect(newest().url).toBe('ws://console/ws?project=p');
    newest().send({ type: 'hello', epoch: 'a', seq: 41, project_id: 'p' });
    expect(seen.states.at(-1)).toBe('live');
    expect(seen.gaps).toBe(1);
  });

  it('is not live while the server is behind, and asks for everything when it no longer is', () => {
    newest().send({ type: 'hello', epoch: 'a', seq: 1, behind_since: '2026-11-23T16:09:05Z' });
    expect(seen.states.at(-1)).toBe('behind');
    newest().send({ type: 'behind', since: null });
    expect(seen.states.at(-1)).toBe('live');
    expect(seen.gaps).toBe(2);
    newest().send({ type: 'behind', since: '2026-11-23T16:12:00Z' });
    expect(seen.states.at(-1)).toBe('behind');
  });

  it('does not reconnect once closed by the page', async () => {
    connection?.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.opened).toHaveLength(1);
  });
});

it('names the project in the address of the socket', () => {
  const page = { protocol: 'https:', host: 'console' } as Location;
  expect(liveUrl('p', page)).toBe('wss://console/ws?project=p');
});

describe('reconnectDelay', () => {
  it('grows, stays within its bound and is jittered by half', () => {
    expect(reconnectDelay(0, () => 0)).toBe(200);
    expect(reconnectDelay(0, () => 1)).toBe(400);
    expect(reconnectDelay(3, () => 1)).toBe(3_200);
    expect(reconnectDelay(50, () => 1)).toBe(20_000);
  });
});
