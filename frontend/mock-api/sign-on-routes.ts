import { http, HttpResponse } from 'msw';
import type { components } from '../src/api/schema';
import type { SignOnProvider, SingleSignOn } from '../src/api/types';
import { notFound, problem, refusedSession } from './answers';
import { save, state } from './store';

type Wanted = components['schemas']['NewSingleSignOn'];

/** The one provider that answers the mock. */
const ANSWERS = 'https://login.nordlicht.example/realms/ops';

export const signOnRoutes = [
  http.get('/api/v1/single-sign-on', ({ request }) => refusedSession(request) ?? HttpResponse.json(shown())),
  http.put('/api/v1/single-sign-on', async ({ request }) => {
    const body = (await request.json()) as Wanted;
    if (!body.issuer.startsWith('https://')) return badIssuer();
    const everybody = (body.email_domains ?? []).length === 0 && body.default_role && body.just_in_time;
    if (everybody) {
      return problem(409, 'Not possible in this state', {
        rule: 'anybody_comes_in',
        detail: 'anybody at the provider could join: name the e-mail domains of your people, or give a role to groups only',
      });
    }
    state().signOn = provider(body);
    save();
    return HttpResponse.json(shown());
  }),
  http.delete('/api/v1/single-sign-on', () => {
    state().signOn = null;
    save();
    return new HttpResponse(null, { status: 204 });
  }),
  http.post('/api/v1/single-sign-on/test', async ({ request }) => {
    const { issuer } = (await request.json()) as { issuer: string };
    if (!issuer.startsWith('https://')) return badIssuer();
    const nothing = { authorization_host: null, keys: null, algorithms: [], offers_refresh_tokens: false };
    if (issuer !== ANSWERS) {
      const why = 'the provider cannot be asked: its discovery or its keys answer 404 Not Found';
      return HttpResponse.json({ ok: false, problem: why, ...nothing });
    }
    return HttpResponse.json({
      ok: true, problem: null, authorization_host: 'login.nordlicht.example', keys: 2, algorithms: ['RS256'],
      offers_refresh_tokens: true,
    });
  }),
  http.post('/api/v1/auth/oidc/lookup', async ({ request }) => {
    const { email } = (await request.json()) as { email: string };
    if (!email.endsWith('@nordlicht.example')) return notFound();
    return HttpResponse.json({ tenant_id: state().tenant.id, provider: 'login.nordlicht.example' });
  }),
];

function badIssuer(): Response {
  return problem(422, 'Unprocessable Entity', {
    errors: [{ field: 'issuer', message: 'must begin with https:// (http:// is for this machine only)' }],
  });
}

function shown(): SingleSignOn {
  const base = `${location.origin}/api/v1/auth/oidc/${state().tenant.id}`;
  return { provider: state().signOn, redirect_uri: `${base}/callback`, logout_uri: `${base}/logout`, start_uri: `${base}/start` };
}

function provider(body: Wanted): SignOnProvider {
  const { client_secret, ...settings } = body;
  const { user, signOn } = state();
  return {
    scopes: [], groups_claim: 'groups', group_roles: [], email_domains: [], just_in_time: false, password_login: true,
    acr_values: [], amr_values: [],
    ...settings,
    default_role: settings.default_role ?? null,
    has_client_secret: Boolean(client_secret) || (signOn?.has_client_secret ?? false),
    set_at: new Date().toISOString(),
    set_by: { type: 'user', id: user.id, name: user.name },
  };
}
