import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CLOSE_OTHER_PROJECT } from './live';
import { followTail, type TailGap } from './log-tail';
import { tailUrl, type LogRecord } from './logs';

/** A socket whose far end is the test. */
class FakeSocket {
  static opened: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor() {
    FakeSocket.opened.push(this);
  }

  tell(...ids: number[]) {
    for (const id of ids) this.onmessage?.({ data: JSON.stringify({ type: 'log', record: line(id) }) });
  }

  drop(code = 1006) {
    this.onclose?.({ code });
  }

  close() {
    this.drop(1000);
  }
}

const START = Date.parse('2026-11-23T16:09:00Z');
const line = (second: number) => ({ id: `l${second}`, time: new Date(START + second * 1_000).toISOString() }) as LogRecord;
const newest = () => {
  const socket = FakeSocket.opened.at(-1);
  if (!socket) throw new Error('no socket was opened');
  return socket;
};

interface Found {
  items: LogRecord[];
  next_cursor?: string | null;
}

let following: { close(): void };
let shown: string[];
let gaps: TailGap[];
let asked: string[];
let checks: number;
let answer: (found: Found) => void;
let fail: () => void;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  vi.stubGlobal('WebSocket', FakeSocket);
  FakeSocket.opened = [];
  [shown, gaps, asked, checks] = [[], [], [], 0];
  following = followTail({
    url: 'ws://console/tail',
    missed: (from) => {
      asked.push(from);
      return new Promise((resolve, reject) => {
        answer = resolve;
        fail = () => reject(new Error('away'));
      });
    },
    onLines: (lines) => { shown = [...lines.map(({ id }) => id), ...shown]; },
    onDropped: () => undefined,
    onGap: (gap) => gaps.push(gap),
    onConnected: () => undefined,
    onSessionOver: async () => true,
    onRefused: async () => { checks += 1; return true; },
  });
});

afterEach(() => {
  following.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Lines 1 and 2 were told, then the server was away until second 30. */
async function comeBack() {
  newest().onopen?.();
  await vi.advanceTimersByTimeAsync(2_000);
  newest().tell(1, 2);
  await vi.advanceTimersByTimeAsync(3_000);
  newest().drop();
  await vi.advanceTimersByTimeAsync(1_000);
  newest().drop();
  await vi.advanceTimersByTimeAsync(2_000);
  vi.setSystemTime(START + 30_000);
  newest().onopen?.();
}

it('tells what was missed before what follows it, and nothing twice', async () => {
  await comeBack();
  expect(asked).toEqual([new Date(START + 2_000 - 10_000).toISOString()]);
  newest().tell(6, 7);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(shown).toEqual(['l2', 'l1']);
  answer({ items: [6, 5, 4, 3, 2, 1].map(line), next_cursor: null });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(shown).toEqual(['l7', 'l6', 'l5', 'l4', 'l3', 'l2', 'l1']);
  expect(gaps).toEqual([]);
});

it('says which time has lines that are not here, when they are too many', async () => {
  await comeBack();
  answer({ items: [29, 28, 27].map(line), next_cursor: 'more' });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(shown).toEqual(['l29', 'l28', 'l27', 'l2', 'l1']);
  expect(gaps).toEqual([{ from: line(2).time, to: line(27).time }]);
});

it('says so as well when the search has no answer, and goes on', async () => {
  await comeBack();
  fail();
  newest().tell(31);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(gaps).toEqual([{ from: line(2).time, to: line(30).time }]);
  expect(shown).toEqual(['l31', 'l2', 'l1']);
});

it('after a sleep follows on a new socket, and tells what came meanwhile', async () => {
  newest().onopen?.();
  newest().tell(1);
  await vi.advanceTimersByTimeAsync(1_000);
  const old = newest();
  vi.setSystemTime(START + 3_600_000);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(FakeSocket.opened).toHaveLength(2);
  expect(old.onclose).toBeNull();
  newest().onopen?.();
  answer({ items: [line(2)], next_cursor: null });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(shown).toEqual(['l2', 'l1']);
});

it('has the session checked where it was not let in or is of another project, and is not hasty then', async () => {
  newest().drop();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(checks).toBe(1);
  newest().onopen?.();
  newest().drop(CLOSE_OTHER_PROJECT);
  await vi.advanceTimersByTimeAsync(350);
  expect(checks).toBe(2);
  expect(FakeSocket.opened).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(FakeSocket.opened).toHaveLength(3);
  newest().onopen?.();
  newest().drop();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(checks).toBe(2);
});

it('names the project in the address of the socket', () => {
  const page = { protocol: 'https:', host: 'console' } as Location;
  expect(tailUrl('p', { query: 'x', service: undefined }, page)).toBe('wss://console/api/v1/logs/tail?query=x&project=p');
});
