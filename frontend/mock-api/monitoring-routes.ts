import { http, HttpResponse } from 'msw';
import type { IntegrationSettings, IntegrationTest, MonitoringIntegration, NewIntegration } from '../src/api/monitoring';
import { notFound, page, problem, refusedSession } from './answers';
import { announce } from './live';
import { nextId, save, state } from './store';

const PATH = '/api/v1/monitoring-integrations';

/** A server whose address has this port takes no connection. */
const DEAD_PORT = ':9999';

export const monitoringRoutes = [
  http.get(PATH, ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, sorted()))),
  http.get<{ id: string }>(`${PATH}/:id`, ({ params }) => {
    const found = find(params.id);
    return found ? HttpResponse.json(found) : notFound();
  }),
  http.post(PATH, async ({ request }) => {
    const body = (await request.json()) as NewIntegration;
    const refused = refusedUrl(body.url);
    if (refused) return refused;
    if (isTaken(body.name, undefined)) return nameTaken();
    const now = new Date().toISOString();
    const by = { id: state().user.id, name: state().user.name };
    const made: MonitoringIntegration = {
      id: nextId(), name: body.name.trim(), kind: body.kind, url: body.url, ca_certificate: body.ca_certificate ?? null,
      credential: shown(body, now), version: 1, created_at: now, created_by: by, changed_at: now, changed_by: by,
      health: { status: 'unknown', since: null, error: null, detail: null, version: null, latency_ms: null, noted_at: null },
    };
    keep([...state().integrations, made], made.id);
    return HttpResponse.json(made, { status: 201 });
  }),
  http.put<{ id: string }>(`${PATH}/:id`, async ({ params, request }) => {
    const before = find(params.id);
    if (!before) return notFound();
    const body = (await request.json()) as IntegrationSettings;
    const refused = refusedUrl(body.url);
    if (refused) return refused;
    if (before.credential && !body.credential && new URL(before.url).origin !== new URL(body.url).origin) {
      const detail = "the address is another server's: give the credential again, or say that there is none";
      return problem(409, 'Conflict', { rule: 'credential_needed', detail });
    }
    const now = new Date().toISOString();
    const credential = body.credential ? shown(body, now) : before.credential;
    const after = { ...before, kind: body.kind, url: body.url, credential, version: before.version + 1, changed_at: now };
    keep([...others(before.id), after], before.id);
    return HttpResponse.json(after);
  }),
  http.patch<{ id: string }>(`${PATH}/:id`, async ({ params, request }) => {
    const before = find(params.id);
    if (!before) return notFound();
    const { name } = (await request.json()) as { name: string };
    if (isTaken(name, before.id)) return nameTaken();
    const after = { ...before, name: name.trim(), version: before.version + 1, changed_at: new Date().toISOString() };
    keep([...others(before.id), after], before.id);
    return HttpResponse.json(after);
  }),
  http.delete<{ id: string }>(`${PATH}/:id`, ({ params }) => {
    if (!find(params.id)) return notFound();
    keep(others(params.id), params.id);
    return new HttpResponse(null, { status: 204 });
  }),
  http.post<{ id: string }>(`${PATH}/:id/test`, ({ params }) => {
    const found = find(params.id);
    if (!found) return notFound();
    const test = tested(found);
    const now = new Date().toISOString();
    const { status, error, detail, version, latency_ms } = test;
    const since = found.health.status === status ? found.health.since : now;
    const health = { status, since, error, detail, version: version ?? found.health.version, latency_ms, noted_at: now };
    keep([...others(found.id), { ...found, health }], found.id);
    return HttpResponse.json(test);
  }),
];

function tested({ url, kind }: MonitoringIntegration): IntegrationTest {
  const resolved = { name: 'resolve' as const, ok: true, detail: '10.20.0.7', took_ms: 2 };
  if (url.includes(DEAD_PORT)) {
    const detail = 'the server cannot be reached: Connection refused (os error 111)';
    const steps = [resolved, { name: 'connect' as const, ok: false, detail: `10.20.0.7${DEAD_PORT}: ${detail}`, took_ms: 1 }];
    return { status: 'down', error: 'not_connected', detail, version: null, latency_ms: 3, steps };
  }
  const steps = [
    resolved,
    { name: 'connect' as const, ok: true, detail: `10.20.0.7:${new URL(url).port || '80'}`, took_ms: 1 },
    { name: 'request' as const, ok: true, detail: kind === 'prometheus' ? 'GET /-/ready: 200 OK' : 'GET /: 200 OK', took_ms: 9 },
    { name: 'version' as const, ok: true, detail: '3.5.0', took_ms: 6 },
  ];
  return { status: 'up', error: null, detail: null, version: '3.5.0', latency_ms: 12, steps };
}

function shown(body: IntegrationSettings, now: string): MonitoringIntegration['credential'] {
  const kind = body.credential?.kind ?? 'none';
  return kind === 'none' ? null : { kind, set_at: now };
}

function refusedUrl(url: string): Response | undefined {
  if (/^https?:\/\/[^/?#@]+/.test(url) && !url.includes('@')) return undefined;
  const message = url.includes('@')
    ? 'must not hold a user name or password: give them as the credential'
    : 'must be an http or https address';
  return problem(422, 'Check what you entered', { errors: [{ field: 'url', message }] });
}

function isTaken(name: string, by: string | undefined): boolean {
  return state().integrations.some((one) => one.id !== by && one.name.toLowerCase() === name.trim().toLowerCase());
}

function nameTaken(): Response {
  return problem(409, 'Conflict', { rule: 'name_taken', detail: 'the project has an integration of this name already' });
}

function find(id: string): MonitoringIntegration | undefined {
  return state().integrations.find((one) => one.id === id);
}

function others(id: string): MonitoringIntegration[] {
  return state().integrations.filter((one) => one.id !== id);
}

function sorted(): MonitoringIntegration[] {
  return [...state().integrations].sort((a, b) => a.name.localeCompare(b.name));
}

function keep(integrations: MonitoringIntegration[], changed: string): void {
  state().integrations = integrations;
  save();
  announce('monitoring_integration.updated', changed);
}
