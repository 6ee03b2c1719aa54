import { randomUuid } from '../util/uuid';
import { Problem } from './problem';

/** So long a request that got no answer is taken for the same attempt when it is sent again. */
const KEPT_MS = 10 * 60_000;

interface Attempt {
  key: string;
  until: number;
}

const open = new Map<string, Attempt>();

/**
 * Sends a write under an `Idempotency-Key` that stays the same until the server has answered: whoever sends the same
 * again after an answer that got lost, or twice within a moment, has it done once. Other values are another attempt.
 */
export async function sendOnce(request: Request, send: (request: Request) => Promise<Response>): Promise<Response> {
  const name = await nameOf(request);
  const key = keyOf(name);
  request.headers.set('Idempotency-Key', key);
  const response = await send(request).catch((cause: unknown) => {
    keep(name, key);
    throw cause instanceof TypeError ? new Problem({ status: 0 }, { ofWrite: true }) : cause;
  });
  // A server that failed, or a proxy in front of it, does not say whether the write was done.
  if (response.status >= 500) keep(name, key);
  else open.delete(name);
  return response;
}

/** Without `If-Match`: when the write was done after all, the version on the screen has changed by it. */
async function nameOf(request: Request): Promise<string> {
  const body = await request.clone().text();
  return [request.method, request.url, request.headers.get('X-Project'), body].join('\n');
}

function keyOf(name: string): string {
  for (const [other, { until }] of open) if (until < Date.now()) open.delete(other);
  const key = open.get(name)?.key ?? randomUuid();
  keep(name, key);
  return key;
}

function keep(name: string, key: string): void {
  open.set(name, { key, until: Date.now() + KEPT_MS });
}
