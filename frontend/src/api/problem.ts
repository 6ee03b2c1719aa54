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
  /** A write that failed may have been done all the same; one that is sent again is not done twice. */
  readonly ofWrite: boolean;

  private readonly body: Partial<ProblemBody> & { status: number };

  constructor(body: Partial<ProblemBody> & { status: number }, { ofWrite = false } = {}) {
    super(body.detail ?? body.title ?? `HTTP ${body.status}`);
    this.name = 'Problem';
    this.body = body;
    this.status = body.status;
    this.title = body.title ?? TITLES[body.status] ?? 'The request failed';
    this.detail = body.detail ?? undefined;
    this.rule = body.rule ?? undefined;
    this.allowedNext = body.allowed_next ?? [];
    this.fields = Object.fromEntries((body.errors ?? []).map((e) => [e.field, e.message]));
    this.requestId = body.request_id ?? undefined;
    this.ofWrite = ofWrite;
  }

  /** The same, told of one field: for a refusal that is about what was typed there. */
  at(field: string): Problem {
    const errors = [{ field, message: this.detail ?? this.title }];
    return new Problem({ ...this.body, errors }, { ofWrite: this.ofWrite });
  }

  asOfWrite(): Problem {
    return new Problem(this.body, { ofWrite: true });
  }
}

/** A write that was accepted and cannot be shown yet. */
export class Recorded extends Problem {
  constructor() {
    super({
      status: 202,
      title: 'Recorded',
      detail: 'What you sent is recorded and will be carried out. It shows as soon as reading is back; do not send it again.',
    });
  }
}

/** Any thrown value as a problem: `fetch` throws a TypeError when the server is out of reach. */
export function asProblem(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  if (cause instanceof Error && PART_MISSING.test(cause.message)) return new Problem(NOT_LOADED);
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
  if (isNotLoaded(problem)) return undefined;
  if (problem.ofWrite && isRetryable(problem)) return WRITE_ADVICE;
  if (problem.status === 409 && !isRace(problem)) return undefined;
  if (problem.status === 403 && !isOfTheRole(problem)) return undefined;
  return ADVICE[problem.status];
}

/** What happened and what to do, as one text. */
export function toldOf(problem: Problem): string {
  const id = problem.requestId && problem.status >= 500 ? `(request ${problem.requestId})` : undefined;
  return [...new Set([problem.detail, adviceFor(problem), id])].filter(Boolean).join(' ');
}

export function isRetryable(problem: Problem): boolean {
  return AWAY.includes(problem.status);
}

/** A part of the console itself did not arrive: the network is away, or another version was deployed since. */
export function isNotLoaded(problem: Problem): boolean {
  return problem.rule === NOT_LOADED.rule;
}

/** Refused because somebody else was there first, and not for what was sent: a name that is taken, say. */
export function isRace({ rule }: Problem): boolean {
  return rule === 'illegal_transition' || rule === 'stale_version';
}

/** Nobody answered, or a proxy in the server's place. */
const AWAY: readonly number[] = [0, 502, 503, 504];

/** Another role would change it; other rules of what is forbidden are about the session, the account or the page. */
function isOfTheRole({ rule }: Problem): boolean {
  return rule === undefined || rule === 'forbidden';
}

/** How Vite and the browsers say that a chunk or its styles did not come. */
const PART_MISSING = /unable to preload css|dynamically imported module|importing a module script failed/i;

const NOT_LOADED = {
  status: 0,
  rule: 'page_not_loaded',
  title: 'The page could not be loaded',
  detail: 'The server was out of reach, or has a newer version of the console. The page is loaded as soon as the server answers.',
};

const WRITE_ADVICE = 'It may have arrived all the same. Send it again: what has arrived is not done twice.';

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
  502: 'The server did not answer',
  504: 'The server did not answer in time',
  503: 'Temporarily unavailable',
};

const ADVICE: Record<number, string> = {
  0: 'Check the connection. The console keeps trying.',
  403: 'Ask an owner or admin of this organisation to change your role or to do it for you.',
  404: 'It does not exist, or it belongs to another project.',
  409: 'Somebody may have been faster. The page now shows the current state.',
  412: 'Somebody was faster. What they did is read now: send yours again if it still applies.',
  500: 'Try again. If it keeps happening, give the request id to whoever runs the server.',
  502: 'Something between you and the server answered in its place. The console keeps trying.',
  504: 'Something between you and the server answered in its place. The console keeps trying.',
  503: 'Alerts are still accepted and nothing is lost; reading comes back on its own.',
};
