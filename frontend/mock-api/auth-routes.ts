import { http, HttpResponse } from 'msw';
import type { Permission } from '../src/api/auth';
import type { Me, MemberRole, Session } from '../src/api/types';
import { problem, refusedSession } from './answers';
import { emptyStore } from './seed';
import { replace, save, state } from './store';

/** The one account of the seed; any password of this length opens it. */
const SHORTEST_PASSWORD = 8;

export const authRoutes = [
  http.post('/api/v1/auth/register', async ({ request }) => {
    const body = (await request.json()) as { email: string; name: string; tenant_name: string };
    if (body.email === 'taken@example.com') {
      return problem(409, 'This e-mail already has an account', { rule: 'email_taken' });
    }
    replace({ ...emptyStore(Date.now(), { tenant: body.tenant_name, email: body.email, name: body.name }), signedIn: true });
    return HttpResponse.json(session(), { status: 201 });
  }),
  http.post('/api/v1/auth/login', async ({ request }) => {
    const body = (await request.json()) as { password: string };
    if (body.password.length < SHORTEST_PASSWORD) {
      return problem(401, 'E-mail or password is wrong', { rule: 'bad_credentials' });
    }
    if (body.password === state().initialPassword) {
      return problem(403, 'Forbidden', { rule: 'password_change_required', detail: 'This password was set by somebody else.' });
    }
    state().signedIn = true;
    save();
    return HttpResponse.json(session());
  }),
  http.post('/api/v1/auth/initial-password', async ({ request }) => {
    const body = (await request.json()) as { password: string; new_password: string };
    if (body.password !== state().initialPassword) {
      return problem(401, 'E-mail or password is wrong', { rule: 'bad_credentials' });
    }
    if (body.new_password === body.password) {
      const errors = [{ field: 'new_password', message: 'must be another one than before' }];
      return problem(422, 'Unprocessable Entity', { errors });
    }
    state().initialPassword = null;
    state().signedIn = true;
    save();
    return HttpResponse.json(session());
  }),
  http.post('/api/v1/auth/refresh', async ({ request }) => {
    if (!state().signedIn) return problem(401, 'Session over', { rule: 'no_session' });
    const body = (await request.json().catch(() => ({}))) as { project_id?: string };
    if (body.project_id && !state().projects.some(({ id }) => id === body.project_id)) {
      return problem(404, 'Not found', { detail: 'No such project' });
    }
    state().project = body.project_id ?? state().project;
    save();
    return HttpResponse.json(session());
  }),
  http.post('/api/v1/auth/logout', () => {
    state().signedIn = false;
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.get('/api/v1/auth/me', ({ request }) => refusedSession(request) ?? HttpResponse.json(me())),
];

const RESPOND: Permission[] = ['api_key.read', 'incident.open', 'incident.work', 'incident.comment', 'saved_view.save', 'monitoring_integration.test'];
const ADMINISTER: Permission[] = [...RESPOND, 'single_sign_on.manage', 'audit.read', 'api_key.manage', 'member.manage', 'project.manage', 'tenant.manage', 'telemetry.manage', 'tenant_telemetry.delete', 'telemetry_limits.manage', 'monitoring_integration.manage'];

const PERMISSIONS: Record<MemberRole, Permission[]> = {
  owner: [...ADMINISTER, 'audit.manage', 'owner.manage', 'member.erase', 'tenant.export', 'tenant.erase'],
  admin: ADMINISTER,
  engineer: RESPOND,
  viewer: [],
};

function session(): Session {
  const { tenant, project, user } = state();
  return {
    access_token: 'mock', token_type: 'Bearer', expires_in: 900,
    tenant_id: tenant.id, project_id: project, user,
  };
}

function me(): Me {
  const { user, tenant, project, projects, members } = state();
  const current = projects.find(({ id }) => id === project);
  if (!current) throw new Error('the seed holds the current project');
  const role = members.find(({ user_id }) => user_id === user.id)?.role ?? 'viewer';
  const inUse = projects.filter(({ archived_at }) => !archived_at);
  return { user, tenant, project: current, role, tenant_role: role, permissions: PERMISSIONS[role], projects: inUse, tenants: [tenant],
    single_sign_on: false, has_provider: state().signOn !== null, sends_mail: true };
}
