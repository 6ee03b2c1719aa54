/**
 * The session lives in httpOnly cookies; this module only knows how to renew it and which project the URL names.
 * Renewal is single flight in this tab and, where the browser has Web Locks, across tabs: the refresh token rotates,
 * and two tabs that used the same one would end the session.
 */

let project: string | undefined;
let renewal: Promise<Response> | undefined;
let over: () => void = () => undefined;
let overSince: number | undefined;

const RENEWED_AT = 'srec-renewed-at';
/** A server that does not answer the question by then is away, not of another opinion. */
const CHECK_MS = 5_000;
/** Tabs wait for the one that renews, so it does not wait for ever. */
const REFRESH_MS = 15_000;
/**
 * A renewal whose answer got lost is asked for again at once: the server takes a token that was used already for a stolen
 * one after ten seconds. After a sleep the network takes a moment, too.
 */
const RETRY_AFTER_MS = [500, 1_500, 3_000];
/** Renewed by another tab, then for another project than ours: so many answers a request takes. */
const MOST_ANSWERS = 3;

/** The project asserted with `X-Project`; set by the project route only. */
export function assertProject(id: string | undefined): void {
  project = id;
}

export function assertedProject(): string | undefined {
  return project;
}

/** Called once a session: when a request fails with 401 and the session cannot be renewed. */
export function onSessionOver(listener: () => void): void {
  over = listener;
  overSince = undefined;
}

/** Requests that were under way when the session ended fail one after the other; the first of them says it. */
function sessionOver(): void {
  if (overSince !== undefined) return;
  overSince = Date.now();
  over();
}

/** What was asked since and was answered is of another session; whoever logs out needs no telling that it is over. */
function noteSession(request: Request, sentAt: number): void {
  if (request.url.endsWith('/auth/logout')) overSince = Date.now();
  else if (overSince !== undefined && sentAt > overSince) overSince = undefined;
}

/** `fetch` that renews the session once on 401, or on a token for another project, and then repeats the request. */
export async function sessionFetch(request: Request): Promise<Response> {
  for (let answers = 1; ; answers += 1) {
    const sentAt = Date.now();
    const response = await fetch(request.clone());
    if (response.ok) noteSession(request, sentAt);
    if (answers === MOST_ANSWERS || isAuthCall(request) || !(await needsRenewal(response))) return response;
    const renewed = await renewSession({ since: sentAt, project: response.status === 409 });
    if (renewed.ok) continue;
    if (renewed.status !== 401) return renewed;
    sessionOver();
    return response;
  }
}

/** For the live connection: renews, and says whether to go on; only a session that cannot come back ends it. */
export async function renewOrLeave(): Promise<boolean> {
  const renewed = await renewSession({ since: Date.now(), project: false }).catch(() => undefined);
  if (renewed?.status !== 401) return true;
  sessionOver();
  return false;
}

/**
 * For sockets that were refused, of which a browser hides the reason from the page: asks whether the session is good for
 * this tab's project, renews it where it is not, and says whether to go on.
 */
export async function checkOrLeave(): Promise<boolean> {
  const sentAt = Date.now();
  const headers: HeadersInit = project ? { 'X-Project': project } : {};
  const asked = await fetch('/api/v1/auth/me', { headers, signal: AbortSignal.timeout(CHECK_MS) }).catch(() => undefined);
  if (!asked || !(await needsRenewal(asked))) return true;
  const renewed = await renewSession({ since: sentAt, project: asked.status === 409 }).catch(() => undefined);
  if (renewed?.status !== 401) return true;
  sessionOver();
  return false;
}

/** Resolves with the answer to the refresh; a refresh made by another tab after `since` counts as ours. */
export function renewSession(options: { since: number; project: boolean }): Promise<Response> {
  renewal ??= exclusively(() => refresh(options)).finally(() => {
    renewal = undefined;
  });
  return renewal;
}

async function refresh(options: { since: number; project: boolean }): Promise<Response> {
  if (!options.project && isRenewedSince(options.since)) return new Response(null, { status: 204 });
  const response = await askToRefresh();
  if (response.ok) rememberRenewal();
  return response;
}

async function askToRefresh(): Promise<Response> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await fetch('/api/v1/auth/refresh', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(project ? { project_id: project } : {}),
        signal: AbortSignal.timeout(REFRESH_MS),
      });
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw new TypeError('Failed to fetch a renewed session in time', { cause });
      const wait = RETRY_AFTER_MS[tries];
      if (wait === undefined) throw cause;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** By another tab. A time that is still to come is of a clock that was set back since, and says nothing. */
function isRenewedSince(since: number): boolean {
  const at = renewedAt();
  return at > since && at <= Date.now();
}

/** What was typed is wrong, not the session. */
const ABOUT_A_PROOF: readonly unknown[] = ['bad_credentials', 'wrong_code', 'second_factor_needed'];

async function needsRenewal(response: Response): Promise<boolean> {
  if (response.status !== 401 && response.status !== 409) return false;
  const body: unknown = await response.clone().json().catch(() => null);
  const rule = typeof body === 'object' && body !== null && 'rule' in body ? body.rule : undefined;
  return response.status === 401 ? !ABOUT_A_PROOF.includes(rule) : rule === 'project_mismatch';
}

function isAuthCall(request: Request): boolean {
  return /\/api\/v1\/auth\/(login|initial-password|register|refresh|logout|join|invitation)$/.test(new URL(request.url).pathname);
}

async function exclusively(act: () => Promise<Response>): Promise<Response> {
  return 'locks' in navigator ? await navigator.locks.request('srec-renewal', act) : act();
}

function renewedAt(): number {
  try {
    return Number(localStorage.getItem(RENEWED_AT) ?? 0);
  } catch {
    return 0;
  }
}

function rememberRenewal(): void {
  try {
    localStorage.setItem(RENEWED_AT, String(Date.now()));
  } catch {
    // Without storage other tabs renew on their own; the lock still keeps them in turn.
  }
}
