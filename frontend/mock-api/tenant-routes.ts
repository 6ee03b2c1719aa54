import { http, HttpResponse } from 'msw';
import type { ApiKey, KeyScope, MemberRole, OwnTelemetryLimits, TelemetryAllowance } from '../src/api/types';
import { notFound, page, problem, refusedSession } from './answers';
import { announce } from './live';
import { nextId, save, state } from './store';

export const tenantRoutes = [
  http.get('/api/v1/api-keys', ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, state().apiKeys))),
  http.post('/api/v1/api-keys', async ({ request }) => {
    const refused = refusedSession(request);
    if (refused) return refused;
    const body = (await request.json()) as { name: string; scopes: KeyScope[]; expires_at?: string };
    const id = nextId();
    const key = `srec_mock${id.replaceAll('-', '').slice(-20)}q7Jx2`;
    const created: ApiKey = {
      id, name: body.name, prefix: key.slice(0, 12), scopes: body.scopes, project_id: state().project,
      created_at: new Date().toISOString(), created_by: { id: state().user.id, name: state().user.name },
      expires_at: body.expires_at ?? null, last_used_at: null, revoked_at: null,
    };
    state().apiKeys.unshift(created);
    state().keySecrets[id] = key;
    save();
    return HttpResponse.json({ ...created, key }, { status: 201 });
  }),
  http.delete<{ id: string }>('/api/v1/api-keys/:id', ({ params }) => {
    const key = state().apiKeys.find(({ id }) => id === params.id);
    if (!key) return notFound();
    key.revoked_at = new Date().toISOString();
    save();
    announce('api_key.updated', key.id);
    return new HttpResponse(null, { status: 204 });
  }),
  http.get('/api/v1/webhooks/refused', ({ request }) => refusedSession(request) ?? HttpResponse.json({ items: [refusedWebhook()] })),
  http.get('/api/v1/members', ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, state().members))),
  http.post('/api/v1/members', async ({ request }) => {
    const body = (await request.json()) as { name: string; email: string; role: MemberRole };
    const taken = state().members.some(({ email }) => email === body.email);
    if (taken) return problem(422, 'Check what you entered', { errors: [{ field: 'email', message: 'Already a member' }] });
    const member = { user_id: nextId(), name: body.name, email: body.email, role: body.role, joined_at: new Date().toISOString() };
    state().members.push(member);
    save();
    return HttpResponse.json(member, { status: 201 });
  }),
  http.patch<{ id: string }>('/api/v1/members/:id', async ({ request, params }) => {
    const { role } = (await request.json()) as { role: MemberRole };
    const member = state().members.find(({ user_id }) => user_id === params.id);
    if (!member) return notFound();
    if (member.role === 'owner' && role !== 'owner' && isLastOwner(params.id)) return lastOwner();
    member.role = role;
    save();
    return HttpResponse.json(member);
  }),
  http.delete<{ id: string }>('/api/v1/members/:id', ({ params }) => {
    if (isLastOwner(params.id)) return lastOwner();
    state().members = state().members.filter(({ user_id }) => user_id !== params.id);
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.get('/api/v1/projects', ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, state().projects))),
  http.post('/api/v1/projects', async ({ request }) => {
    const { name } = (await request.json()) as { name: string };
    const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const project = { id: nextId(), name, slug, created_at: new Date().toISOString() };
    state().projects.push(project);
    save();
    return HttpResponse.json(project, { status: 201 });
  }),
  http.patch<{ id: string }>('/api/v1/projects/:id', async ({ request, params }) => {
    const project = state().projects.find(({ id }) => id === params.id);
    if (!project) return notFound();
    project.name = ((await request.json()) as { name: string }).name;
    save();
    return HttpResponse.json(project);
  }),
  http.get('/api/v1/telemetry/limits', ({ request }) => refusedSession(request) ?? HttpResponse.json(allowance())),
  http.put('/api/v1/telemetry/limits', async ({ request }) => {
    const own = (await request.json()) as OwnTelemetryLimits;
    if (Object.values(own).some((value) => value !== null && value < 1)) {
      return problem(422, 'Check what you entered', { rule: 'invalid', detail: 'limits must be 1 or more' });
    }
    state().ownLimits = own;
    save();
    announce('telemetry_limits.updated', 'set');
    return HttpResponse.json(allowance());
  }),
  http.get('/api/v1/audit', ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, state().audit))),
];

function allowance(): TelemetryAllowance {
  const own = state().ownLimits;
  const one = (standard: number | null, set: number | null | undefined) => ({
    value: set ?? standard,
    default: standard,
    own: set ?? null,
  });
  const isSet = Object.values(own).some((value) => value !== null);
  return {
    limits: {
      active_series: one(1_000_000, own.active_series),
      active_streams: one(100_000, own.active_streams),
      labels_per_series: one(128, own.labels_per_series),
      label_value_bytes: one(16_384, own.label_value_bytes),
      bytes_per_second: one(null, own.bytes_per_second),
    },
    may_raise: true,
    set_at: isSet ? new Date().toISOString() : null,
    set_by: isSet ? { type: 'user', id: state().user.id, name: state().user.name } : null,
    usage: { active_series: 948_210, active_streams: 412, bytes_per_second: 184_320, noted_at: new Date(Date.now() - 20_000).toISOString() },
    reached: [
      {
        limit: 'active_series', most: 1_000_000, offender: 'http_request_duration_seconds_bucket',
        at: new Date(Date.now() - 3 * 86_400_000).toISOString(),
      },
    ],
  };
}

function isLastOwner(userId: string): boolean {
  const owners = state().members.filter(({ role }) => role === 'owner');
  return owners.length === 1 && owners[0]?.user_id === userId;
}

function lastOwner(): Response {
  return problem(409, 'Not possible in this state', {
    rule: 'last_owner',
    detail: 'An organisation keeps at least one owner. Make somebody else an owner first.',
  });
}

function refusedWebhook() {
  const body = JSON.stringify({ version: '4', status: 'firing', alerts: [{ status: 'firing', labels: { alertname: 'HighErrorRate' } }] }, null, 2);
  return {
    integration: 'alertmanager', received_at: new Date(Date.now() - 240_000).toISOString(),
    reason: 'alerts[0].fingerprint is missing', body, body_bytes: body.length,
  };
}
