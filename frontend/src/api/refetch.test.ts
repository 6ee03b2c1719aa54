import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { collectKeys } from './refetch';

const KEY = ['p', 'one', 'incidents'];
/** How long the server takes for the list. */
const ANSWER_MS = 300;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A list on the screen whose answer is what the server had when it was asked. */
function screen() {
  const client = new QueryClient();
  const server = { rows: 0, asked: 0 };
  const observer = new QueryObserver(client, {
    queryKey: KEY,
    queryFn: async () => {
      const { rows } = server;
      server.asked += 1;
      await new Promise((done) => setTimeout(done, ANSWER_MS));
      return rows;
    },
  });
  observer.subscribe(() => undefined);
  return { client, server, shown: () => client.getQueryData<number>(KEY) ?? 0 };
}

it('shows what is new during a storm, asks seldom, and ends with the newest', async () => {
  const { client, server, shown } = screen();
  await vi.advanceTimersByTimeAsync(ANSWER_MS);
  const refetcher = collectKeys(client);
  const seen = new Set<number>();
  for (let n = 0; n < 100; n += 1) {
    server.rows += 1;
    refetcher.add([KEY]);
    await vi.advanceTimersByTimeAsync(70);
    seen.add(shown());
  }
  expect(seen.size).toBeGreaterThan(5);
  expect(server.asked).toBeLessThan(12);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(shown()).toBe(100);
});

it('control: without waiting for the answer the screen stands still', async () => {
  const { client, server, shown } = screen();
  await vi.advanceTimersByTimeAsync(ANSWER_MS);
  for (let n = 0; n < 100; n += 1) {
    server.rows += 1;
    void client.invalidateQueries({ queryKey: KEY });
    await vi.advanceTimersByTimeAsync(70);
  }
  expect(shown()).toBe(0);
});

it('asks for a burst once, and nothing after its end', async () => {
  const { client, server } = screen();
  await vi.advanceTimersByTimeAsync(ANSWER_MS);
  const refetcher = collectKeys(client);
  for (let n = 0; n < 50; n += 1) refetcher.add([KEY]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toBe(2);
  refetcher.add([KEY]);
  refetcher.cancel();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toBe(2);
});
