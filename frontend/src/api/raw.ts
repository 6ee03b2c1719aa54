import { present } from './paging';
import { problemOf } from './problem';
import { assertedProject, sessionFetch } from './session';

type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

/** A request in the session and for the project of the URL, for answers that the typed client does not speak. */
export function requestTo(path: string, init: RequestInit & { query?: Query } = {}): Promise<Response> {
  const url = new URL(path, window.location.origin);
  for (const [name, value] of Object.entries(present(init.query ?? {}))) {
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one));
  }
  const request = new Request(url, init);
  const project = assertedProject();
  if (project) request.headers.set('X-Project', project);
  return sessionFetch(request);
}

/** The JSON body of a 2xx, or a thrown `Problem`. */
export async function getJson<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const response = await requestTo(path, { query, ...(signal && { signal }) });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response, body);
  return body as T;
}
