import type { ProblemBody } from './types';

/** An RFC 9457 answer as an error. Status 0 means that no answer came at all. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string | undefined;
  readonly rule: string | undefined;
  readonly allowedNext: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
  readonly requestId: string | undefined;

  constructor(body: Partial<ProblemBody> & { status: number }) {
    super(body.detail ?? body.title ?? `HTTP ${body.status}`);
    this.name = 'Problem';
    this.status = body.status;
    this.title = body.title ?? TITLES[body.status] ?? 'The request failed';
    this.detail = body.detail ?? undefined;
    this.rule = body.rule ?? undefined;
    this.allowedNext = body.allowed_next ?? [];
    this.fields = Object.fromEntries((body.errors ?? []).map((e) => [e.field, e.message]));
    this.requestId = body.request_id ?? undefined;
  }
}

/** Any thrown value as a problem: `fetch` throws a TypeError when the server is out of reach. */
export function asProblem(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  if (cause instanceof TypeError && /fetch|network/i.test(cause.message)) {
    return new Problem({ status: 0, title: TITLES[0], detail: ADVICE[0] });
  }
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new Problem({ status: -1, title: 'This part of the page failed', detail });
}

/** A body that did not come as problem+json (a proxy's page, an empty 502) still becomes a problem. */
export function problemOf(response: Response, body: unknown): Problem {
  const shaped = typeof body === 'object' && body !== null ? (body as Partial<ProblemBody>) : {};
  const requestId = shaped.request_id ?? response.headers.get('x-request-id') ?? undefined;
  return new Problem({ ...shaped, status: response.status, request_id: requestId });
}

/** What the reader can do about it, by status; undefined where the detail says it all. */
export function adviceFor(problem: Problem): string | undefined {
  return ADVICE[problem.status];
}

export function isRetryable(problem: Problem): boolean {
  return problem.status === 0 || problem.status === 502 || problem.status === 503;
}

const TITLES: Record<number, string> = {
  0: 'The server did not answer',
  401: 'Your session is over',
  403: 'Your role does not allow this',
  404: 'Not found',
  409: 'Not possible in this state',
  412: 'Changed meanwhile',
  413: 'Too large',
  422: 'Check what you entered',
  429: 'Too many requests',
  500: 'The server failed',
  503: 'Temporarily unavailable',
};

const ADVICE: Record<number, string> = {
  0: 'Check the connection. The console keeps trying.',
  403: 'Ask an owner or admin of this organisation to change your role or to do it for you.',
  404: 'It does not exist, or it belongs to another project.',
  409: 'Somebody may have been faster. The page now shows the current state.',
  500: 'Try again. If it keeps happening, give the request id to whoever runs the server.',
  503: 'Alerts are still accepted and nothing is lost; reading comes back on its own.',
};
