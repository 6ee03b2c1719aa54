import { http, HttpResponse } from 'msw';
import type { TenantUsage, UsageOfDay } from '../src/api/types';
import { refusedSession } from './answers';
import { state } from './store';

const A_DAY_MS = 86_400_000;

/** Requests, items and bytes of an ordinary day. */
const ORDINARY: readonly [string, number, number, number][] = [
  ['api', 18_420, 0, 0],
  ['logs', 86_400, 12_400_000, 3_100_000_000],
  ['metrics', 5_760, 248_000_000, 1_920_000_000],
  ['traces', 43_200, 3_800_000, 1_450_000_000],
];

export const usageRoutes = [http.get('/api/v1/usage', ({ request }) => refusedSession(request) ?? HttpResponse.json(usage()))];

function usage(): TenantUsage {
  const today = Math.floor(Date.now() / A_DAY_MS);
  const days = [0, 1, 2, 3, 4, 5, 6].flatMap((ago) => ORDINARY.map((row) => day(today - ago, ago, row)));
  const [agent] = state().apiKeys;
  const of = { key_id: agent?.id ?? null, key_name: agent?.name ?? null };
  return {
    days,
    keys: [
      { ...of, used: 'logs', rule: null, requests: 604_800, items: 86_800_000, bytes: 21_700_000_000 },
      { key_id: null, key_name: null, used: 'api', rule: null, requests: 128_940, items: 0, bytes: 0 },
      { ...of, used: 'logs', rule: 'rate_limited', requests: 214, items: 0, bytes: 0 },
      { ...of, used: 'metrics', rule: 'too_old', requests: 0, items: 1_840, bytes: 0 },
    ],
    rates: [
      { rule: 'caller', per_second: 500, burst: 1000, remaining: 996 },
      { rule: 'tenant', per_second: 2000, burst: 4000, remaining: 3981 },
    ],
  };
}

function day(number: number, ago: number, [used, requests, items, bytes]: readonly [string, number, number, number]): UsageOfDay {
  const share = 1 - ago / 20;
  return {
    day: new Date(number * A_DAY_MS).toISOString().slice(0, 10),
    used,
    requests: Math.round(requests * share),
    items: Math.round(items * share),
    bytes: Math.round(bytes * share),
    refused_requests: used === 'logs' && ago === 0 ? 214 : 0,
    refused_items: used === 'metrics' && ago === 2 ? 1_840 : 0,
  };
}
