import { queryOptions } from '@tanstack/react-query';
import { api, isPending, read } from './client';
import { keys } from './keys';
import type { components } from './schema';
import { Problem, problemOf } from './problem';
import { assertedProject, assertProject, renewSession } from './session';
import type { Me, Session } from './types';

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: () => read(api.GET('/api/v1/auth/me')),
  staleTime: 5 * 60_000,
});

/** Renews the session where it has to be: for what the browser fetches by itself, which cannot. */
export async function ensureSession(): Promise<void> {
  await read(api.GET('/api/v1/auth/me'));
}

export async function register(body: components['schemas']['Register']): Promise<Session> {
  assertProject(undefined);
  const answer = await read(api.POST('/api/v1/auth/register', { body }));
  if (!isPending(answer)) return answer;
  // Without a session nobody may ask what became of the command; the login page will tell.
  throw new Problem({
    status: 503,
    title: 'Your account is being created',
    detail: 'It takes longer than usual. Log in with these details in a moment.',
  });
}

export function login(body: components['schemas']['Login']) {
  assertProject(undefined);
  return read(api.POST('/api/v1/auth/login', { body }));
}

/** A password of one's own instead of the one that the account was made with; it begins a session. */
export async function replaceInitialPassword(body: components['schemas']['NewOwnPassword']): Promise<Session> {
  assertProject(undefined);
  const answer = await read(api.POST('/api/v1/auth/initial-password', { body }));
  if (!isPending(answer)) return answer;
  throw new Problem({ status: 503, title: 'Your password is being set', detail: 'It takes longer than usual. Try again in a moment.' });
}

/** The invitation behind a link; what follows `#` in it is the token. */
export function seeInvitation(token: string) {
  return read(api.POST('/api/v1/auth/invitation', { body: { token } }));
}

/** A new account for the invited address; it begins a session. */
export async function join(body: components['schemas']['Join']): Promise<Session> {
  assertProject(undefined);
  const answer = await read(api.POST('/api/v1/auth/join', { body }));
  if (!isPending(answer)) return answer;
  throw new Problem({
    status: 503,
    title: 'Your account is being created',
    detail: 'It takes longer than usual. Log in with these details in a moment.',
  });
}

/** Joins with the account that is signed in, and works in that tenant from now on. */
export async function acceptInvitation(token: string): Promise<string> {
  assertProject(undefined);
  const joined = await read(api.POST('/api/v1/auth/accept-invitation', { body: { token } }));
  if (isPending(joined)) throw new Problem({ status: 503, title: 'You are joining', detail: 'Try again in a moment.' });
  return enterTenant(joined.tenant_id);
}

/** Has the session go on in another tenant that the person belongs to; returns the project to open. */
export async function enterTenant(tenant: string): Promise<string> {
  const before = assertedProject();
  assertProject(undefined);
  try {
    const session = await read(api.POST('/api/v1/auth/refresh', { body: { tenant_id: tenant } }));
    return session.project_id;
  } catch (cause) {
    // The page stays where it is: what it asks must not be answered with another project.
    assertProject(before);
    throw cause;
  }
}

export async function leaveTenant(): Promise<void> {
  await read(api.POST('/api/v1/auth/leave'));
  assertProject(undefined);
}

export async function logout(): Promise<void> {
  await read(api.POST('/api/v1/auth/logout'));
  assertProject(undefined);
}

/** Has the token re-issued for the project that the URL names; the cookies change, the tab stays. */
export async function enterProject(project: string): Promise<void> {
  assertProject(project);
  const response = await renewSession({ since: Date.now(), project: true });
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
}

/** Actions of the server's one table that the console asks about. */
export type Permission =
  | 'incident.open'
  | 'incident.work'
  | 'incident.comment'
  | 'api_key.manage'
  | 'api_key.read'
  | 'member.manage'
  | 'audit.read'
  | 'audit.manage'
  | 'member.erase'
  | 'owner.manage'
  | 'single_sign_on.manage'
  | 'project.manage'
  | 'tenant.erase'
  | 'tenant.export'
  | 'tenant.manage'
  | 'telemetry.manage'
  | 'tenant_telemetry.delete'
  | 'saved_view.save'
  | 'telemetry_limits.manage'
  | 'monitoring_integration.manage'
  | 'monitoring_integration.test';

/** The server decides; this only spares people a refusal. */
export function may(me: Me | undefined, permission: Permission): boolean {
  return me?.permissions.includes(permission) ?? false;
}
