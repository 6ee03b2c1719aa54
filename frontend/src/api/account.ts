import { queryOptions } from '@tanstack/react-query';
import { api, read } from './client';
import { keys } from './keys';
import type { components } from './schema';

type Schemas = components['schemas'];

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async () => (await read(api.GET('/api/v1/auth/sessions'))).items,
});

export async function endSession(id: string): Promise<void> {
  await read(api.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id } } }));
}

export async function endOtherSessions(): Promise<void> {
  await read(api.DELETE('/api/v1/auth/sessions'));
}

/** Says again who one is; good for a quarter of an hour. */
export async function prove(body: Schemas['Proof']): Promise<void> {
  await read(api.POST('/api/v1/auth/prove', { body }));
}

export async function changePassword(body: Schemas['ChangePassword']): Promise<void> {
  await read(api.POST('/api/v1/auth/password', { body }));
}

export const secondFactorQuery = queryOptions({
  queryKey: keys.secondFactor,
  queryFn: () => read(api.GET('/api/v1/auth/second-factor')),
});

export function proposeSecondFactor() {
  return read(api.POST('/api/v1/auth/second-factor'));
}

export function confirmSecondFactor(code: string) {
  return read(api.POST('/api/v1/auth/second-factor/confirm', { body: { code } }));
}

export function renewRecoveryCodes() {
  return read(api.POST('/api/v1/auth/second-factor/recovery-codes'));
}

export async function disableSecondFactor(): Promise<void> {
  await read(api.DELETE('/api/v1/auth/second-factor'));
}

/** The one table of what each role may do. */
export const actionsQuery = queryOptions({
  queryKey: keys.actions,
  queryFn: () => read(api.GET('/api/v1/auth/actions')),
  staleTime: Infinity,
});
