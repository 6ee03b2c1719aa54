import { http, HttpResponse } from 'msw';
import type { components } from '../src/api/schema';
import { notFound, problem, refusedSession } from './answers';
import { save, state } from './store';

type Actions = components['schemas']['Actions'];

/** The one code that the mock takes. */
const CODE = '123456';
const CODES = Array.from({ length: 10 }, (_, index) => `${10_000 + index * 7}-a1b2c-d3e4f-${20_000 + index * 13}`);

/** An excerpt of the server's table: the page shows whatever it is given. */
const ACTIONS: Actions = {
  roles: ['owner', 'admin', 'engineer', 'viewer'],
  actions: [
    { name: 'member.read', description: 'See who belongs to the tenant', of_the_tenant: true, roles: ['owner', 'admin', 'engineer', 'viewer'] },
    { name: 'member.manage', description: 'Invite and remove members and change their role', of_the_tenant: true, roles: ['owner', 'admin'] },
    { name: 'owner.manage', description: 'Make members owners and take ownership away', of_the_tenant: true, roles: ['owner'] },
    { name: 'incident.read', description: 'See incidents and their timelines', of_the_tenant: false, roles: ['owner', 'admin', 'engineer', 'viewer'] },
    { name: 'incident.work', description: 'Move incidents on, assign and edit them', of_the_tenant: false, roles: ['owner', 'admin', 'engineer'] },
    { name: 'ingest.send', description: 'Send webhooks and telemetry', of_the_tenant: false, roles: [] },
  ],
};

export const accountRoutes = [
  http.get('/api/v1/auth/actions', () => HttpResponse.json(ACTIONS)),
  http.get('/api/v1/auth/sessions', ({ request }) => refusedSession(request) ?? HttpResponse.json({ items: state().sessions })),
  http.delete('/api/v1/auth/sessions', () => {
    state().sessions = state().sessions.filter(({ current }) => current);
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.delete<{ id: string }>('/api/v1/auth/sessions/:id', ({ params }) => {
    state().sessions = state().sessions.filter(({ id }) => id !== params.id);
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.post('/api/v1/auth/prove', () => new HttpResponse(null, { status: 204 })),
  http.post('/api/v1/auth/password', async ({ request }) => {
    const { new_password } = (await request.json()) as { new_password: string };
    if (new_password !== 'password') return new HttpResponse(null, { status: 204 });
    return problem(422, 'Check what you entered', {
      errors: [{ field: 'new_password', message: 'is one of the most common passwords, and tried first' }],
    });
  }),
  http.get('/api/v1/auth/second-factor', ({ request }) =>
    refusedSession(request) ??
    HttpResponse.json({ enabled: state().secondFactor, recovery_codes_left: state().secondFactor ? CODES.length : 0 })),
  http.post('/api/v1/auth/second-factor', () =>
    HttpResponse.json({
      secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      uri: 'otpauth://totp/SRE%20Copilot:mock',
      qr_svg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M0,0h10v10h-10z"/></svg>',
    })),
  http.post('/api/v1/auth/second-factor/confirm', async ({ request }) => {
    const { code } = (await request.json()) as { code: string };
    if (code !== CODE) return problem(401, 'Unauthorized', { rule: 'wrong_code', detail: 'the code is wrong or was used before' });
    state().secondFactor = true;
    save();
    return HttpResponse.json({ recovery_codes: CODES });
  }),
  http.post('/api/v1/auth/second-factor/recovery-codes', () => HttpResponse.json({ recovery_codes: CODES })),
  http.delete('/api/v1/auth/second-factor', () => {
    state().secondFactor = false;
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.post('/api/v1/auth/invitation', async ({ request }) => {
    const { token } = (await request.json()) as { token: string };
    const found = state().invitations.find(({ link }) => link?.endsWith(`#${token}`));
    if (!found) return notFound();
    return HttpResponse.json({
      tenant_name: state().tenant.name, email: found.email, role: found.role,
      invited_by: found.invited_by?.name ?? null, expires_at: found.expires_at, has_account: false,
    });
  }),
  http.post('/api/v1/auth/join', async ({ request }) => {
    const { token, name } = (await request.json()) as { token: string; name: string };
    const store = state();
    const found = store.invitations.find(({ link }) => link?.endsWith(`#${token}`));
    if (!found) return notFound();
    store.user = { id: found.id, email: found.email, name };
    store.members.push({ user_id: found.id, email: found.email, name, role: found.role, joined_at: new Date().toISOString(), initial_password_until: null });
    store.invitations = store.invitations.filter(({ id }) => id !== found.id);
    store.signedIn = true;
    save();
    const session = { access_token: 'mock', token_type: 'Bearer', expires_in: 900, tenant_id: store.tenant.id, project_id: store.project, user: store.user };
    return HttpResponse.json(session, { status: 201 });
  }),
];
