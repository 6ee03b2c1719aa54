import { HttpResponse } from 'msw';
import type { ProblemBody } from '../src/api/types';
import { state } from './store';

export function problem(status: number, title: string, more: Partial<ProblemBody> = {}): Response {
  const body = { type: 'about:blank', title, status, request_id: 'mock-request', ...more };
  return HttpResponse.json(body, { status, headers: { 'Content-Type': 'application/problem+json' } });
}

export function notFound(): Response {
  return problem(404, 'Not found');
}

/** The refusal of a request without a session or with another project's assertion, or undefined. */
export function refusedSession(request: Request): Response | undefined {
  if (!state().signedIn) return problem(401, 'Not signed in', { rule: 'no_session' });
  const asserted = request.headers.get('X-Project');
  if (asserted && asserted !== state().project) {
    return problem(409, 'The token is for another project', { rule: 'project_mismatch' });
  }
  return undefined;
}

/** A page of a list by an opaque cursor (here: an offset). */
export function page<T>(request: Request, items: readonly T[]) {
  const query = new URL(request.url).searchParams;
  const limit = Math.min(200, Number(query.get('limit') ?? 50));
  const start = Number(query.get('cursor') ?? 0);
  const end = start + limit;
  return { items: items.slice(start, end), next_cursor: end < items.length ? String(end) : null };
}
