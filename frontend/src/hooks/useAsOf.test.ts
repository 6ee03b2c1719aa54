import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, expect, it } from 'vitest';
import { keys } from '../api/keys';
import { asOf } from './useAsOf';

const client = new QueryClient();
const leave: (() => void)[] = [];

afterEach(() => {
  for (const one of leave.splice(0)) one();
  client.clear();
});

function show(queryKey: readonly unknown[], updatedAt?: number): void {
  if (updatedAt !== undefined) client.setQueryData(queryKey, 'rows', { updatedAt });
  leave.push(new QueryObserver(client, { queryKey, queryFn: () => new Promise<string>(() => undefined), staleTime: Infinity }).subscribe(() => undefined));
}

it('is the oldest of the answers on the screen', () => {
  show(keys.logs('p1', 'lines'), 5_000);
  show(keys.logs('p1', 'stats'), 3_000);
  client.setQueryData(keys.traces('p1', 'list'), 'rows', { updatedAt: 1_000 });
  expect(asOf(client)).toBe(3_000);
});

it('counts what is one’s own, and the audit, which nobody tells of either', () => {
  show(keys.sessions, 4_000);
  show(keys.incidentList('p1', {}), 1_000);
  expect(asOf(client)).toBe(4_000);
  show(keys.audit('p1', 'list', {}), 2_000);
  expect(asOf(client)).toBe(2_000);
  show(keys.refusedWebhooks('p1'), 1_000);
  expect(asOf(client)).toBe(1_000);
});

it('is nothing where all follows what happens, and before there is an answer', () => {
  show(keys.incidentList('p1', {}), 5_000);
  show(keys.metrics('p1', 'names'), 1_000);
  show(keys.metrics('p1', 'range'));
  expect(asOf(client)).toBeUndefined();
});
