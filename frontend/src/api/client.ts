import createClient, { type Middleware } from 'openapi-fetch';
import { problemOf, Problem } from './problem';
import type { components, paths } from './schema';
import { assertedProject, sessionFetch } from './session';
import type { CommandState } from './types';

type Pending = components['schemas']['Pending'];

/** The typed client. Every path, parameter and body comes from the committed OpenAPI document. */
export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: sessionFetch });

const assertions: Middleware = {
  onRequest({ request }) {
    const project = assertedProject();
    if (project) request.headers.set('X-Project', project);
    if (request.method !== 'GET' && !request.headers.has('Idempotency-Key')) {
      request.headers.set('Idempotency-Key', crypto.randomUUID());
    }
    return request;
  },
};

api.use(assertions);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a 2xx, or a thrown `Problem`. */
export async function read<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw problemOf(response, error);
  return data as T;
}

/**
 * The body of an accepted write. A 202 means that the outcome was not known in time: the command is then asked for
 * until it is accepted or refused. `reload` fetches the resource that the write would have answered with.
 */
export async function write<T>(
  answer: Promise<Answer<T | Pending>>,
  reload: (resource: CommandState['resource']) => Promise<T>,
): Promise<T> {
  const body = await read(answer);
  if (!isPending(body)) return body;
  return reload(await outcomeOf(body.command_id));
}

/** The version of the `If-Match` header that makes a write fail with 412 when somebody was faster. */
export function ifMatch(version: number): { 'If-Match': string } {
  return { 'If-Match': `"${version}"` };
}

const POLL_MS = 1_000;
const POLLS = 60;

async function outcomeOf(id: string): Promise<CommandState['resource']> {
  for (let poll = 0; poll < POLLS; poll += 1) {
    const command = await read<CommandState>(api.GET('/api/v1/commands/{id}', { params: { path: { id } } }));
    if (command.state === 'accepted') return command.resource;
    if (command.state === 'refused') throw refusalOf(command);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Problem({
    status: 503,
    title: 'Still being worked on',
    detail: 'The write is recorded and will be carried out; its outcome is not known yet.',
  });
}

function refusalOf(command: CommandState): Problem {
  return new Problem({
    status: 409,
    rule: command.refusal?.rule,
    detail: command.refusal?.detail,
    allowed_next: command.refusal?.allowed_next ?? [],
  });
}

export function isPending(body: unknown): body is Pending {
  return typeof body === 'object' && body !== null && 'command_id' in body && 'status_url' in body;
}
