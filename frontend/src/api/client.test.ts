import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { enterTenant } from './auth';
import { api, ifMatch, onRecorded, orRecorded, read, write } from './client';
import { asProblem, Problem, Recorded } from './problem';
import { assertedProject, assertProject, checkOrLeave, onSessionOver, renewOrLeave } from './session';

type Answer = (request: Request) => Response | Promise<Response>;

/** Answers by "METHOD path"; each list is used up from the front, its last answer stays. */
function serve(routes: Record<string, Answer[]>) {
  const requests: Request[] = [];
  vi.stubGlobal('fetch', async (input: Request | string, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.origin), init);
    requests.push(request.clone());
    const answers = routes[`${request.method} ${new URL(request.url).pathname}`];
    const answer = answers && answers.length > 1 ? answers.shift() : answers?.[0];
    return answer ? answer(request) : new Response(null, { status: 404 });
  });
  return requests;
}

const json = (body: unknown, status = 200) => () => Response.json(body, { status });
const problem = (status: number, body: object) => () =>
  Response.json({ type: 'about:blank', title: 'no', status, ...body }, { status, headers: { 'Content-Type': 'application/problem+json' } });

const ME = '/api/v1/auth/me';
const REFRESH = 'POST /api/v1/auth/refresh';

beforeEach(() => {
  localStorage.clear();
  assertProject('p1');
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('the client', () => {
  it('asserts the project on every request and gives writes an idempotency key', async () => {
    const requests = serve({ [`GET ${ME}`]: [json({})], 'POST /api/v1/incidents': [json({ id: 'i' }, 201)] });
    await read(api.GET(ME));
    await read(api.POST('/api/v1/incidents', { body: { title: 't', severity: 'SEV1' } }));
    expect(requests.map((request) => request.headers.get('X-Project'))).toEqual(['p1', 'p1']);
    expect(requests[0]?.headers.has('Idempotency-Key')).toBe(false);
    expect(requests[1]?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('writes also where the browser has no UUIDs: over http in a private network', async () => {
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
    const requests = serve({ 'POST /api/v1/incidents': [json({ id: 'i' }, 201)] });
    await read(api.POST('/api/v1/incidents', { body: { title: 'over http', severity: 'SEV1' } }));
    expect(requests[0]?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('throws the problem of the answer, with rule, fields and allowed steps', async () => {
    serve({
      [`GET ${ME}`]: [problem(409, { rule: 'illegal_transition', allowed_next: ['resolve'], errors: [{ field: 'title', message: 'too long' }], request_id: 'r1' })],
    });
    const thrown = await read(api.GET(ME)).catch((cause: unknown) => cause);
    expect(thrown).toBeInstanceOf(Problem);
    expect(thrown).toMatchObject({ status: 409, rule: 'illegal_transition', allowedNext: ['resolve'], fields: { title: 'too long' }, requestId: 'r1' });
  });

  it('takes a wrong code for what it is, and keeps the session', async () => {
    const requests = serve({ 'POST /api/v1/auth/prove': [problem(401, { rule: 'wrong_code' })] });
    const proof = read(api.POST('/api/v1/auth/prove', { body: { password: 'p', code: '1' } }));
    await expect(proof).rejects.toMatchObject({ status: 401, rule: 'wrong_code' });
    expect(requests).toHaveLength(1);
  });

  it('makes a problem of an answer that is none', async () => {
    serve({ [`GET ${ME}`]: [() => new Response('<h1>Bad gateway</h1>', { status: 502 })] });
    await expect(read(api.GET(ME))).rejects.toMatchObject({ status: 502 });
  });

  it('sends the version as If-Match', () => {
    expect(ifMatch(7)).toEqual({ 'If-Match': '"7"' });
  });
});

describe('the session', () => {
  it('renews once for requests that fail together, and repeats each with its body and key', async () => {
    const requests = serve({
      'POST /api/v1/incidents': [problem(401, {}), problem(401, {}), json({ id: 'i' }, 201)],
      [REFRESH]: [json({})],
    });
    const declare = (title: string) => read(api.POST('/api/v1/incidents', { body: { title, severity: 'SEV1' } }));
    await Promise.all([declare('t'), declare('u')]);
    const sent = requests.filter((request) => request.url.endsWith('/incidents'));
    expect(requests.filter((request) => request.url.endsWith('/refresh'))).toHaveLength(1);
    expect(sent).toHaveLength(4);
    expect(new Set(sent.map((request) => request.headers.get('Idempotency-Key'))).size).toBe(2);
    expect(await sent[3]?.json()).toEqual({ title: 'u', severity: 'SEV1' });
  });

  it('says that the session is over when it cannot be renewed', async () => {
    const over = vi.fn();
    onSessionOver(over);
    serve({ [`GET ${ME}`]: [problem(401, {})], [REFRESH]: [problem(401, {})] });
    await expect(read(api.GET(ME))).rejects.toMatchObject({ status: 401 });
    expect(over).toHaveBeenCalledOnce();
  });

  it('says it once, however many requests fail, and again when another session ends', async () => {
    const over = vi.fn();
    onSessionOver(over);
    serve({
      [`GET ${ME}`]: [problem(401, {})],
      [REFRESH]: [problem(401, {})],
      'POST /api/v1/auth/login': [json({})],
    });
    const asked = () => read(api.GET(ME)).catch(() => undefined);
    await Promise.all([asked(), asked()]);
    await asked();
    expect(over).toHaveBeenCalledOnce();
    await new Promise((resolve) => setTimeout(resolve, 2));
    await read(api.POST('/api/v1/auth/login', { body: { email: 'a@b.c', password: 'x' } }));
    await asked();
    expect(over).toHaveBeenCalledTimes(2);
  });

  it('is not told to be over to whoever logs out', async () => {
    const over = vi.fn();
    onSessionOver(over);
    serve({ [`GET ${ME}`]: [problem(401, {})], [REFRESH]: [problem(401, {})], 'POST /api/v1/auth/logout': [() => new Response(null, { status: 204 })] });
    await read(api.POST('/api/v1/auth/logout'));
    await expect(read(api.GET(ME))).rejects.toMatchObject({ status: 401 });
    expect(over).not.toHaveBeenCalled();
  });

  it('does not throw anybody out while the server is away', async () => {
    const over = vi.fn();
    onSessionOver(over);
    serve({ [`GET ${ME}`]: [problem(401, {})], [REFRESH]: [problem(503, {})] });
    await expect(read(api.GET(ME))).rejects.toMatchObject({ status: 503 });
    expect(over).not.toHaveBeenCalled();
  });

  it('has the token re-issued when it is for another project', async () => {
    const requests = serve({
      [`GET ${ME}`]: [problem(409, { rule: 'project_mismatch' }), json({ ok: true })],
      [REFRESH]: [json({})],
    });
    await expect(read(api.GET(ME))).resolves.toEqual({ ok: true });
    const refresh = requests.find((request) => request.url.endsWith('/refresh'));
    expect(await refresh?.json()).toEqual({ project_id: 'p1' });
  });

  it('lets the live connection go on unless the session cannot come back', async () => {
    const over = vi.fn();
    onSessionOver(over);
    serve({ [REFRESH]: [json({}), problem(503, {}), problem(401, {})] });
    expect(await renewOrLeave()).toBe(true);
    expect(await renewOrLeave()).toBe(true);
    expect(over).not.toHaveBeenCalled();
    expect(await renewOrLeave()).toBe(false);
    expect(over).toHaveBeenCalledOnce();
  });

  it('renews for a socket only what is no longer good, for the project of the tab', async () => {
    const over = vi.fn();
    onSessionOver(over);
    const requests = serve({
      [`GET ${ME}`]: [json({}), problem(409, { rule: 'project_mismatch' }), problem(503, {}), problem(401, { rule: 'session_ended' })],
      [REFRESH]: [json({}), problem(401, {})],
    });
    const renewals = () => requests.filter((request) => request.url.endsWith('/refresh'));
    expect(await checkOrLeave()).toBe(true);
    expect(renewals()).toHaveLength(0);
    expect(await checkOrLeave()).toBe(true);
    expect(requests[0]?.headers.get('X-Project')).toBe('p1');
    expect(await renewals()[0]?.json()).toEqual({ project_id: 'p1' });
    expect(await checkOrLeave()).toBe(true);
    expect(renewals()).toHaveLength(1);
    expect(over).not.toHaveBeenCalled();
    localStorage.clear();
    expect(await checkOrLeave()).toBe(false);
    expect(over).toHaveBeenCalledOnce();
  });

  const RENEWED = 'srec-renewed-at';
  /** Second by second: what is waited for in between begins in its own. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) await vi.advanceTimersByTimeAsync(1_000);
  };
  const refreshes = (requests: Request[]) => requests.filter((request) => request.url.endsWith('/refresh'));

  it('asks again at once for a renewal whose answer got lost: later its token would be taken for stolen', async () => {
    vi.useFakeTimers();
    const over = vi.fn();
    onSessionOver(over);
    const away = () => Promise.reject(new TypeError('Failed to fetch'));
    const requests = serve({ [`GET ${ME}`]: [problem(401, {}), json({ ok: true })], [REFRESH]: [away, away, json({})] });
    const asked = read(api.GET(ME));
    await pass(10);
    await expect(asked).resolves.toEqual({ ok: true });
    expect(refreshes(requests)).toHaveLength(3);
    expect(over).not.toHaveBeenCalled();
  });

  it('gives up in time for others, and throws nobody out, while the network is away', async () => {
    vi.useFakeTimers();
    const over = vi.fn();
    onSessionOver(over);
    serve({ [`GET ${ME}`]: [problem(401, {})], [REFRESH]: [() => Promise.reject(new TypeError('Failed to fetch'))] });
    const asked = read(api.GET(ME)).catch((cause: unknown) => cause);
    await pass(10);
    expect(asProblem(await asked)).toMatchObject({ status: 0 });
    expect(over).not.toHaveBeenCalled();
  });

  it('goes on with what another tab renewed, and has that changed to its own project', async () => {
    const requests = serve({
      [`GET ${ME}`]: [
        () => {
          vi.setSystemTime(Date.now() + 5);
          localStorage.setItem(RENEWED, String(Date.now()));
          return problem(401, {})();
        },
        problem(409, { rule: 'project_mismatch' }),
        json({ ok: true }),
      ],
      [REFRESH]: [json({})],
    });
    vi.useFakeTimers({ toFake: ['Date'] });
    await expect(read(api.GET(ME))).resolves.toEqual({ ok: true });
    expect(refreshes(requests)).toHaveLength(1);
    expect(await refreshes(requests)[0]?.json()).toEqual({ project_id: 'p1' });
  });

  it('does not take a renewal of another tab for its own where that is over again, as after a sleep', async () => {
    const requests = serve({
      [`GET ${ME}`]: [
        () => {
          vi.setSystemTime(Date.now() + 5);
          localStorage.setItem(RENEWED, String(Date.now()));
          vi.setSystemTime(Date.now() + 3_600_000);
          return problem(401, {})();
        },
        problem(401, {}),
        json({ ok: true }),
      ],
      [REFRESH]: [json({})],
    });
    vi.useFakeTimers({ toFake: ['Date'] });
    await expect(read(api.GET(ME))).resolves.toEqual({ ok: true });
    expect(refreshes(requests)).toHaveLength(1);
  });

  it('does not wait for a clock that was set back', async () => {
    localStorage.setItem(RENEWED, String(Date.now() + 3_600_000));
    const requests = serve({ [`GET ${ME}`]: [problem(401, {}), json({ ok: true })], [REFRESH]: [json({})] });
    await expect(read(api.GET(ME))).resolves.toEqual({ ok: true });
    expect(refreshes(requests)).toHaveLength(1);
  });

  it('does not renew for ever for a server that never lets it in', async () => {
    const requests = serve({ [`GET ${ME}`]: [problem(401, {})], [REFRESH]: [json({})] });
    await expect(read(api.GET(ME))).rejects.toMatchObject({ status: 401 });
    expect(requests.filter((request) => request.url.endsWith(ME))).toHaveLength(3);
  });

  it('does not renew for a refused login', async () => {
    const requests = serve({ 'POST /api/v1/auth/login': [problem(401, { rule: 'bad_credentials' })] });
    await expect(read(api.POST('/api/v1/auth/login', { body: { email: 'a@b.c', password: 'x' } }))).rejects.toMatchObject({ rule: 'bad_credentials' });
    expect(requests).toHaveLength(1);
  });
});

it('stays in its project where another organisation cannot be entered', async () => {
  serve({ [REFRESH]: [problem(503, {})] });
  await expect(enterTenant('t2')).rejects.toMatchObject({ status: 503 });
  expect(assertedProject()).toBe('p1');
});

describe('a write whose outcome comes later', () => {
  const pending = json({ command_id: 'c1', status_url: '/api/v1/commands/c1' }, 202);
  const COMMAND = 'GET /api/v1/commands/c1';
  const declare = () =>
    write<{ id: string | undefined } | object>(api.POST('/api/v1/incidents', { body: { title: 't', severity: 'SEV1' } }), async (resource) => ({ id: resource?.id }));

  it('is asked for until it is accepted', async () => {
    vi.useFakeTimers();
    serve({
      'POST /api/v1/incidents': [pending],
      [COMMAND]: [json({ id: 'c1', state: 'pending', refusal: null, resource: null }), json({ id: 'c1', state: 'accepted', refusal: null, resource: { type: 'incident', id: 'i9', version: 1 } })],
    });
    const declared = declare();
    await vi.advanceTimersByTimeAsync(5_000);
    await expect(declared).resolves.toEqual({ id: 'i9' });
  });

  it('throws the refusal', async () => {
    serve({
      'POST /api/v1/incidents': [pending],
      [COMMAND]: [json({ id: 'c1', state: 'refused', refusal: { rule: 'illegal_transition', detail: 'no', allowed_next: ['learn'] }, resource: null })],
    });
    await expect(declare()).rejects.toMatchObject({ rule: 'illegal_transition', allowedNext: ['learn'] });
  });

  const unread = [problem(503, {}), () => new Response(null, { status: 502 }), () => Promise.reject(new TypeError('Failed to fetch'))];

  it('is asked for on while reading is away: that says nothing about the write', async () => {
    vi.useFakeTimers();
    const accepted = json({ id: 'c1', state: 'accepted', refusal: null, resource: { type: 'incident', id: 'i9', version: 1 } });
    serve({ 'POST /api/v1/incidents': [pending], [COMMAND]: [...unread, accepted] });
    const declared = declare();
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(declared).resolves.toEqual({ id: 'i9' });
  });

  it('is told as recorded, and no error, where reading stays away', async () => {
    vi.useFakeTimers();
    const told = vi.fn();
    onRecorded(told);
    serve({ 'POST /api/v1/incidents': [pending], [COMMAND]: [problem(503, {})] });
    const declared = declare();
    await vi.advanceTimersByTimeAsync(61_000);
    await expect(declared).resolves.toEqual({ id: undefined });
    expect(told).toHaveBeenCalledOnce();
  });

  it('is recorded too where it was accepted and what it made cannot be read', async () => {
    const told = vi.fn();
    onRecorded(told);
    serve({ 'POST /api/v1/incidents': [pending], [COMMAND]: [json({ id: 'c1', state: 'accepted', refusal: null, resource: null })] });
    const answer = () => write<object>(api.POST('/api/v1/incidents', { body: { title: 't', severity: 'SEV1' } }), () => Promise.reject(new Problem({ status: 503 })));
    await expect(answer()).rejects.toBeInstanceOf(Recorded);
    await expect(orRecorded(answer())).resolves.toBeNull();
    expect(told).toHaveBeenCalledTimes(2);
  });
});

describe('a write whose answer is lost', () => {
  const POST = 'POST /api/v1/incidents';
  const lost = () => Promise.reject(new TypeError('Failed to fetch'));
  const made = json({ id: 'i' }, 201);
  const declare = (title: string) => write<object>(api.POST('/api/v1/incidents', { body: { title, severity: 'SEV1' } }), async () => ({}));
  const keysOf = (requests: Request[]) => requests.map((request) => request.headers.get('Idempotency-Key'));

  it('is the same attempt when it is sent again, until there is an answer', async () => {
    const requests = serve({ [POST]: [lost, () => new Response('', { status: 502 }), made, made] });
    await declare('lost').catch(() => undefined);
    await declare('lost').catch(() => undefined);
    await declare('lost');
    await declare('lost');
    const [first, second, third, fourth] = keysOf(requests);
    expect([second, third]).toEqual([first, first]);
    expect(fourth).not.toBe(first);
  });

  it('is another attempt with other values, or after a refusal', async () => {
    const requests = serve({ [POST]: [lost, lost, problem(422, {}), made] });
    await declare('one').catch(() => undefined);
    await declare('two').catch(() => undefined);
    await declare('three').catch(() => undefined);
    await declare('three');
    expect(new Set(keysOf(requests)).size).toBe(4);
  });

  it('is one attempt when two are under way at once', async () => {
    const requests = serve({ [POST]: [made] });
    await Promise.all([declare('at once'), declare('at once')]);
    expect(new Set(keysOf(requests)).size).toBe(1);
  });

  it('is not what the console repeats by itself, and says so', async () => {
    serve({ [POST]: [lost] });
    await expect(declare('told')).rejects.toMatchObject({ status: 0, ofWrite: true });
    serve({ [POST]: [problem(503, { detail: 'away' })] });
    await expect(declare('told')).rejects.toMatchObject({ status: 503, ofWrite: true, detail: 'away' });
  });
});
