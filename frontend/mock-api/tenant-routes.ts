import { http, HttpResponse } from 'msw';
import type { ApiKey, Invitation, KeyScope, MemberRole, OwnTelemetryLimits, TelemetryAllowance } from '../src/api/types';
import { notFound, page, problem, refusedSession } from './answers';
import { announce } from './live';
import { nextId, save, state } from './store';

const WEEK_MS = 7 * 86_400_000;

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
  http.post<{ id: string }>('/api/v1/api-keys/:id/rotate', async ({ request, params }) => {
    const old = state().apiKeys.find(({ id }) => id === params.id);
    if (!old) return notFound();
    const { overlap_hours: hours } = (await request.json()) as { overlap_hours: number };
    const id = nextId();
    const key = `srec_mock${id.replaceAll('-', '').slice(-20)}q7Jx2`;
    const created: ApiKey = { ...old, id, prefix: key.slice(0, 12), created_at: new Date().toISOString(), last_used_at: null };
    old.rotated_at = created.created_at;
    old.expires_at = new Date(Date.now() + hours * 3_600_000).toISOString();
    state().apiKeys.unshift(created);
    save();
    return HttpResponse.json({ ...created, key }, { status: 201 });
  }),
  http.patch<{ id: string }>('/api/v1/api-keys/:id', async ({ request, params }) => {
    const key = state().apiKeys.find(({ id }) => id === params.id);
    if (!key) return notFound();
    Object.assign(key, (await request.json()) as { name?: string; scopes?: KeyScope[] });
    save();
    announce('api_key.updated', key.id);
    return HttpResponse.json(key);
  }),
  http.delete<{ id: string }>('/api/v1/api-keys/:id', ({ params }) => {
    const key = state().apiKeys.find(({ id }) => id === params.id);
    if (!key) return notFound();
    key.revoked_at = new Date().toISOString();
    save();
    announce('api_key.updated', key.id);
    return new HttpResponse(null, { status: 204 });
  }),
  http.get('/api/v1/service-accounts', ({ request }) =>
    refusedSession(request) ?? HttpResponse.json(page(request, state().serviceAccounts))),
  http.post('/api/v1/service-accounts', async ({ request }) => {
    const { name, description } = (await request.json()) as { name: string; description: string };
    const account = { id: nextId(), name, description, created_at: new Date().toISOString(), created_by: { id: state().user.id, name: state().user.name }, disabled_at: null };
    state().serviceAccounts.push(account);
    save();
    return HttpResponse.json(account, { status: 201 });
  }),
  http.delete<{ id: string }>('/api/v1/service-accounts/:id', ({ params }) => {
    const account = state().serviceAccounts.find(({ id }) => id === params.id);
    if (!account) return notFound();
    account.disabled_at = new Date().toISOString();
    for (const key of state().apiKeys) if (key.service_account_id === account.id) key.revoked_at = account.disabled_at;
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.get('/api/v1/webhooks/refused', ({ request }) => refusedSession(request) ?? HttpResponse.json({ items: [refusedWebhook()] })),
  http.get('/api/v1/members', ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, state().members))),
  http.get('/api/v1/invitations', ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, state().invitations))),
  http.post('/api/v1/invitations', async ({ request }) => {
    const { email, role } = (await request.json()) as { email: string; role: MemberRole };
    if (state().members.some((member) => member.email === email)) {
      return problem(409, 'Not possible in this state', { rule: 'already_member', detail: 'this address belongs to a member' });
    }
    const id = nextId();
    const invitation: Invitation = {
      id, email, role, invited_by: { id: state().user.id, name: state().user.name },
      created_at: new Date().toISOString(), expires_at: new Date(Date.now() + WEEK_MS).toISOString(),
      link: `${location.origin}/join#srei_mock${id.slice(-6)}`, mail: null,
    };
    state().invitations = [invitation, ...state().invitations.filter((held) => held.email !== email)];
    save();
    return HttpResponse.json(invitation, { status: 201 });
  }),
  http.post<{ id: string }>('/api/v1/invitations/:id/send', ({ params }) => {
    const invitation = state().invitations.find(({ id }) => id === params.id);
    if (!invitation) return notFound();
    const since = new Date().toISOString();
    const refused = invitation.email.startsWith('nobody@');
    invitation.mail = refused
      ? { state: 'failed', since, detail: 'the mail server refuses the address or the mail (550 5.1.1)' }
      : { state: 'sent', since, detail: null };
    save();
    return HttpResponse.json(invitation);
  }),
  http.delete<{ id: string }>('/api/v1/invitations/:id', ({ params }) => {
    state().invitations = state().invitations.filter(({ id }) => id !== params.id);
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.put<{ id: string }>('/api/v1/members/:id/project-role', async ({ request, params }) => {
    const { role } = (await request.json()) as { role: MemberRole | null };
    const member = state().members.find(({ user_id }) => user_id === params.id);
    if (!member) return notFound();
    member.project_role = role;
    save();
    return HttpResponse.json(member);
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
    if (isProjectName(name, undefined)) return projectNameTaken(name);
    const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const project = { id: nextId(), name, slug, created_at: new Date().toISOString(), archived_at: null };
    state().projects.push(project);
    save();
    return HttpResponse.json(project, { status: 201 });
  }),
  http.patch<{ id: string }>('/api/v1/projects/:id', async ({ request, params }) => {
    const project = state().projects.find(({ id }) => id === params.id);
    if (!project) return notFound();
    const { name } = (await request.json()) as { name: string };
    if (isProjectName(name, project.id)) return projectNameTaken(name);
    project.name = name;
    save();
    return HttpResponse.json(project);
  }),
  http.post<{ id: string; act: string }>('/api/v1/projects/:id/:act', ({ params }) => {
    const project = state().projects.find(({ id }) => id === params.id);
    if (!project) return notFound();
    if (params.act === 'restore' && isProjectName(project.name, project.id)) return projectNameTaken(project.name);
    project.archived_at = params.act === 'archive' ? new Date().toISOString() : null;
    save();
    return HttpResponse.json(project);
  }),
  http.get('/api/v1/tenant', ({ request }) => refusedSession(request) ?? HttpResponse.json(state().tenant)),
  http.post('/api/v1/tenant/erasure', async ({ request }) => {
    const { user, tenant } = state();
    if (((await request.json()) as { name: string }).name !== tenant.name) {
      return problem(422, 'Unprocessable Entity', { rule: 'other_name', detail: "that is not the tenant's name" });
    }
    if (tenant.erasure) return problem(409, 'Conflict', { rule: 'erasure_asked', detail: 'the tenant is to be erased already' });
    const now = Date.now();
    tenant.erasure = {
      asked_at: new Date(now).toISOString(), asked_by: { type: 'user', id: user.id, name: user.name },
      due_at: new Date(now + WEEK_MS).toISOString(),
    };
    save();
    announce('project.updated', tenant.id);
    return HttpResponse.json(tenant);
  }),
  http.post('/api/v1/tenant/erasure/call-off', () => {
    const { tenant } = state();
    if (!tenant.erasure) return problem(409, 'Conflict', { rule: 'no_erasure', detail: "nobody has asked for this tenant's erasure" });
    tenant.erasure = null;
    save();
    announce('project.updated', tenant.id);
    return HttpResponse.json(tenant);
  }),
  http.patch('/api/v1/tenant', async ({ request }) => {
    state().tenant.name = ((await request.json()) as { name: string }).name;
    save();
    return HttpResponse.json(state().tenant);
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

/** Whether a project in use has the name, other than `own`. */
function isProjectName(name: string, own: string | undefined): boolean {
  const inUse = state().projects.filter((one) => one.id !== own && !one.archived_at);
  return inUse.some((one) => one.name.toLowerCase() === name.trim().toLowerCase());
}

function projectNameTaken(name: string): Response {
  const detail = `another project of this tenant has the name \`${name}\``;
  return problem(409, 'Conflict', { rule: 'name_taken', detail });
}
