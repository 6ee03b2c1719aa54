import createClient, { type Middleware } from 'openapi-fetch';
import { sendOnce } from './attempts';
import { asProblem, isRetryable, problemOf, Problem, Recorded } from './problem';
import type { components, paths } from './schema';
import { assertedProject, sessionFetch } from './session';
import type { CommandState } from './types';

type Pending = components['schemas']['Pending'];

/** The typed client. Every path, parameter and body comes from the committed OpenAPI document. */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: (request) => (request.method === 'GET' ? sessionFetch(request) : sendOnce(request, sessionFetch)),
});

const assertions: Middleware = {
  onRequest({ request }) {
    const project = assertedProject();
    if (project) request.headers.set('X-Project', project);
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

let told: (recorded: Recorded) => void = () => undefined;

/** Called when a write is recorded and cannot be shown yet: for whoever made it that is no error. */
export function onRecorded(listener: (recorded: Recorded) => void): void {
  told = listener;
}

/**
 * The body of an accepted write. A 202 means that the outcome was not known in time: the command is then asked for
 * until it is accepted or refused. `reload` fetches the resource that the write would have answered with; it gets null
 * where the outcome is still not known, and whoever needs the resource throws `Recorded` then.
 */
export async function write<T>(
  answer: Promise<Answer<T | Pending>>,
  reload: (resource: CommandState['resource']) => Promise<T>,
): Promise<T> {
  const body = await ofWrite(read(answer));
  if (!isPending(body)) return body;
  const resource = await outcomeOf(body.command_id);
  if (resource === undefined) told(new Recorded());
  try {
    return await reload(resource ?? null);
  } catch (cause) {
    if (!isRetryable(asProblem(cause))) throw cause;
    const recorded = new Recorded();
    told(recorded);
    throw recorded;
  }
}

/** Null where the write is recorded and what it made cannot be read yet; whoever made it was told. */
export async function orRecorded<T>(written: Promise<T>): Promise<T | null> {
  try {
    return await written;
  } catch (cause) {
    if (cause instanceof Recorded) return null;
    throw cause;
  }
}

async function ofWrite<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw cause instanceof Problem ? cause.asOfWrite() : cause;
  }
}

/** The version of the `If-Match` header that makes a write fail with 412 when somebody was faster. */
export function ifMatch(version: number): { 'If-Match': string } {
  return { 'If-Match': `"${version}"` };
}

const POLL_MS = 1_000;
const OUTCOME_WITHIN_MS = 60_000;

/** What the command did, or undefined where nobody could say in time: the write is in the log and will be carried out. */
async function outcomeOf(id: string): Promise<CommandState['resource'] | undefined> {
  const until = Date.now() + OUTCOME_WITHIN_MS;
  while (Date.now() < until) {
    const command = await stateOf(id);
    if (command?.state === 'accepted') return command.resource ?? null;
    if (command?.state === 'refused') throw refusalOf(command);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return undefined;
}

/** Undefined while the server cannot be asked: that says nothing about the command. */
async function stateOf(id: string): Promise<CommandState | undefined> {
  try {
    return await read<CommandState>(api.GET('/api/v1/commands/{id}', { params: { path: { id } } }));
  } catch (cause) {
    if (isRetryable(asProblem(cause))) return undefined;
    throw cause;
  }
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
