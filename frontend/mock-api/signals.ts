import { http, HttpResponse } from 'msw';
import { problem } from './answers';
import { save, state } from './store';

export type Signal = 'metrics' | 'logs' | 'traces';

/** Whether this project's agents have sent anything of the kind. */
export function has(signal: Signal): boolean {
  return state().signals.includes(`${state().project}/${signal}`);
}

/** The endpoints of agents: any body counts as the first sample, line or span. */
export const signalRoutes = [
  http.post('/api/v1/write', ({ request }) => received(request, 'metrics')),
  http.post('/loki/api/v1/push', ({ request }) => received(request, 'logs')),
  http.post('/v1/traces', ({ request }) => received(request, 'traces')),
];

function received(request: Request, signal: Signal): Response {
  const key = request.headers.get('Authorization')?.replace(/^Bearer /, '');
  if (!key || !Object.values(state().keySecrets).includes(key)) return problem(401, 'Unknown key', { rule: 'unknown_key' });
  if (!has(signal)) state().signals.push(`${state().project}/${signal}`);
  save();
  return new HttpResponse(null, { status: 204 });
}
