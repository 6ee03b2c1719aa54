import { http, HttpResponse } from 'msw';
import type { ApiKey, Invitation, KeyScope, MemberRole } from '../src/api/types';
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
    old.expires_at = new Date(Date.now() + hours * 3_600_000).toISOString();
    state().apiKeys.unshift(created);
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
      link: `${location.origin}/join#srei_mock${id.slice(-6)}`,
    };
    state().invitations.unshift(invitation);
    save();
    return HttpResponse.json(invitation, { status: 201 });
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
    const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const project = { id: nextId(), name, slug, created_at: new Date().toISOString(), archived_at: null };
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
  http.post<{ id: string; act: string }>('/api/v1/projects/:id/:act', ({ params }) => {
    const project = state().projects.find(({ id }) => id === params.id);
    if (!project) return notFound();
    project.archived_at = params.act === 'archive' ? new Date().toISOString() : null;
    save();
    return HttpResponse.json(project);
  }),
  http.patch('/api/v1/tenant', async ({ request }) => {
    state().tenant.name = ((await request.json()) as { name: string }).name;
    save();
    return HttpResponse.json(state().tenant);
  }),
];

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
