import { queryOptions } from '@tanstack/react-query';
import { api, read, write } from './client';
import { keys } from './keys';
import { allPages } from './paging';
import { problemOf } from './problem';
import { requestTo } from './raw';
import type { components } from './schema';
import type { CreatedApiKey, Invitation, Member, MemberRole, Project } from './types';

type Schemas = components['schemas'];

export function apiKeysQuery(project: string) {
  return queryOptions({
    queryKey: keys.apiKeys(project),
    queryFn: () => allPages((page) => read(api.GET('/api/v1/api-keys', { params: { query: page } }))),
  });
}

/** The key itself is in this answer and nowhere else; a lost answer means creating another one. */
export function createApiKey(body: Schemas['NewApiKey']): Promise<CreatedApiKey> {
  return write(api.POST('/api/v1/api-keys', { body }), () =>
    Promise.reject(new Error('The key was created, but its secret was lost on the way. Revoke it and create another.')),
  );
}

/** Another secret; the old one works for `overlapHours` more. */
export function rotateApiKey(id: string, overlapHours: number): Promise<CreatedApiKey> {
  const answer = api.POST('/api/v1/api-keys/{id}/rotate', { params: { path: { id } }, body: { overlap_hours: overlapHours } });
  return write(answer, () =>
    Promise.reject(new Error('The key was rotated, but its secret was lost on the way. Rotate the new one.')),
  );
}

/** Its secret stays. */
export function changeApiKey(id: string, change: Schemas['ApiKeyChange']): Promise<unknown> {
  return write<unknown>(api.PATCH('/api/v1/api-keys/{id}', { params: { path: { id } }, body: change }), nothing);
}

export async function revokeApiKey(id: string): Promise<void> {
  await write<unknown>(api.DELETE('/api/v1/api-keys/{id}', { params: { path: { id } } }), nothing);
}

export function serviceAccountsQuery(project: string) {
  return queryOptions({
    queryKey: keys.serviceAccounts(project),
    queryFn: () => allPages((page) => read(api.GET('/api/v1/service-accounts', { params: { query: page } }))),
  });
}

export async function createServiceAccount(body: Schemas['NewServiceAccount']): Promise<void> {
  await write<unknown>(api.POST('/api/v1/service-accounts', { body }), nothing);
}

/** Its keys end with it. */
export async function disableServiceAccount(id: string): Promise<void> {
  await write<unknown>(api.DELETE('/api/v1/service-accounts/{id}', { params: { path: { id } } }), nothing);
}

/** Bodies that agents were answered 400 for. Each read is an entry of the audit, so it is not asked for again and again. */
export function refusedWebhooksQuery(project: string) {
  return queryOptions({
    queryKey: keys.refusedWebhooks(project),
    queryFn: () => read(api.GET('/api/v1/webhooks/refused')),
  });
}

export function membersQuery(project: string) {
  return queryOptions({
    queryKey: keys.members(project),
    queryFn: () => allPages((page) => read(api.GET('/api/v1/members', { params: { query: page } }))),
  });
}

export function invitationsQuery(project: string) {
  return queryOptions({
    queryKey: keys.invitations(project),
    queryFn: () => allPages((page) => read(api.GET('/api/v1/invitations', { params: { query: page } }))),
  });
}

/** Null where the outcome came late; the list shows the link. */
export function inviteMember(body: Schemas['NewInvitation']): Promise<Invitation | null> {
  return write<Invitation | null>(api.POST('/api/v1/invitations', { body }), nothing);
}

/** The link goes to the invited address; the list shows what becomes of it. */
export async function sendInvitation(id: string): Promise<void> {
  await write<Invitation | null>(api.POST('/api/v1/invitations/{id}/send', { params: { path: { id } } }), nothing);
}

export async function revokeInvitation(id: string): Promise<void> {
  await write<unknown>(api.DELETE('/api/v1/invitations/{id}', { params: { path: { id } } }), nothing);
}

/** What a member is in this project; null ends it. */
export async function setProjectRole(userId: string, role: MemberRole | null): Promise<void> {
  const answer = api.PUT('/api/v1/members/{user_id}/project-role', {
    params: { path: { user_id: userId } },
    body: { role },
  });
  await write<Member | null>(answer, nothing);
}

export async function changeMemberRole(userId: string, role: MemberRole): Promise<void> {
  const answer = api.PATCH('/api/v1/members/{user_id}', {
    params: { path: { user_id: userId } },
    body: { role },
  });
  await write<Member | null>(answer, nothing);
}

export async function removeMember(userId: string): Promise<void> {
  await write<unknown>(
    api.DELETE('/api/v1/members/{user_id}', { params: { path: { user_id: userId } } }),
    nothing,
  );
}

export function projectsQuery(project: string) {
  return queryOptions({
    queryKey: keys.projects(project),
    queryFn: () => allPages((page) => read(api.GET('/api/v1/projects', { params: { query: page } }))),
  });
}

export async function createProject(name: string): Promise<void> {
  await write<Project | null>(api.POST('/api/v1/projects', { body: { name } }), nothing);
}

export async function renameProject(id: string, name: string): Promise<void> {
  const answer = api.PATCH('/api/v1/projects/{id}', { params: { path: { id } }, body: { name } });
  await write<Project | null>(answer, nothing);
}

export async function archiveProject(id: string): Promise<void> {
  await write<Project | null>(api.POST('/api/v1/projects/{id}/archive', { params: { path: { id } } }), nothing);
}

export async function restoreProject(id: string): Promise<void> {
  await write<Project | null>(api.POST('/api/v1/projects/{id}/restore', { params: { path: { id } } }), nothing);
}

export async function renameTenant(name: string): Promise<void> {
  await write<unknown>(api.PATCH('/api/v1/tenant', { body: { name } }), nothing);
}

/** `name` as it was typed: the server compares. */
export async function askTenantErasure(name: string): Promise<void> {
  await write<unknown>(api.POST('/api/v1/tenant/erasure', { body: { name } }), nothing);
}

export async function callOffTenantErasure(): Promise<void> {
  await write<unknown>(api.POST('/api/v1/tenant/erasure/call-off', { body: {} }), nothing);
}

/** Everything of the organisation, as the server writes it: one JSON value a line. */
export async function exportTenant(): Promise<Blob> {
  const response = await requestTo('/api/v1/tenant/export');
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
  return response.blob();
}

/** Name and address of somebody, gone for ever. */
export async function eraseMember(userId: string): Promise<void> {
  const answer = api.POST('/api/v1/members/{user_id}/erase', { params: { path: { user_id: userId } } });
  await write<unknown>(answer, nothing);
}

/** The caller refetches its list, so the resource of a late outcome is not needed. */
function nothing(): Promise<null> {
  return Promise.resolve(null);
}
