import { queryOptions } from '@tanstack/react-query';
import { api, read, write } from './client';
import { keys } from './keys';
import type { components } from './schema';
import { assertProject } from './session';
import type { SingleSignOn } from './types';

type Schemas = components['schemas'];

export type NewSingleSignOn = Schemas['NewSingleSignOn'];
export type TestedProvider = Schemas['TestedProvider'];

/** By which provider the organisation's members sign in, or what it needs to know of us. */
export function singleSignOnQuery(project: string) {
  return queryOptions({
    queryKey: keys.singleSignOn(project),
    queryFn: () => read(api.GET('/api/v1/single-sign-on')),
  });
}

/** Replaces all of it; without a secret, the one that is kept stays. */
export async function setSingleSignOn(body: NewSingleSignOn): Promise<void> {
  await write<SingleSignOn | null>(api.PUT('/api/v1/single-sign-on', { body }), () => Promise.resolve(null));
}

export async function removeSingleSignOn(): Promise<void> {
  await write<unknown>(api.DELETE('/api/v1/single-sign-on'), () => Promise.resolve(null));
}

export function testProvider(issuer: string): Promise<TestedProvider> {
  return read(api.POST('/api/v1/single-sign-on/test', { body: { issuer } }));
}

/** Where people of an address's domain sign in; a 404 where no organisation lists it. */
export function findSignOn(email: string): Promise<SignOnPlace> {
  assertProject(undefined);
  return read(api.POST('/api/v1/auth/oidc/lookup', { body: { email } }));
}

/** An organisation's provider, as far as somebody without a session may know it. */
export interface SignOnPlace {
  tenant_id: string;
  provider: string;
}

interface Away {
  /** The page to come back to. */
  returnTo?: string;
  /** Link the account that is signed in with the one at the provider. */
  link?: boolean;
  /** Show the provider again who one is. */
  fresh?: boolean;
}

/** The address that sends the browser to the provider. */
export function signOnPath(tenant: string, away: Away = {}): string {
  const search = new URLSearchParams();
  if (away.returnTo) search.set('return_to', away.returnTo);
  if (away.link) search.set('link', 'true');
  if (away.fresh) search.set('fresh', 'true');
  return `/api/v1/auth/oidc/${tenant}/start?${search}`;
}

const LAST = 'srec-sign-on';

/** The provider that this browser went to last, which is most often the one that is wanted again. */
export function lastSignOn(): SignOnPlace | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(LAST) ?? 'null');
    return isPlace(kept) ? kept : null;
  } catch {
    return null;
  }
}

export function rememberSignOn(place: SignOnPlace): void {
  try {
    localStorage.setItem(LAST, JSON.stringify(place));
  } catch {
    // Without storage the address is asked for again.
  }
}

function isPlace(kept: unknown): kept is SignOnPlace {
  if (typeof kept !== 'object' || kept === null) return false;
  const place = kept as Partial<SignOnPlace>;
  return typeof place.provider === 'string' && /^[0-9a-f-]{36}$/.test(place.tenant_id ?? '');
}
