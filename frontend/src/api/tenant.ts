import { queryOptions } from '@tanstack/react-query';
import { api, read, write } from './client';
import { keys } from './keys';
import { allPages } from './paging';
import type { components } from './schema';
import type { CreatedApiKey, Member, MemberRole, Project } from './types';

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

export async function revokeApiKey(id: string): Promise<void> {
  await write<unknown>(api.DELETE('/api/v1/api-keys/{id}', { params: { path: { id } } }), nothing);
}

/** Bodies that agents were answered 400 for; kept in memory by the gateway, so asked for again and again. */
export function refusedWebhooksQuery(project: string) {
  return queryOptions({
    queryKey: keys.refusedWebhooks(project),
    queryFn: () => read(api.GET('/api/v1/webhooks/refused')),
    refetchInterval: 15_000,
  });
}

export function membersQuery(project: string) {
  return queryOptions({
    queryKey: keys.members(project),
    queryFn: () => allPages((page) => read(api.GET('/api/v1/members', { params: { query: page } }))),
  });
}

export async function createMember(body: Schemas['NewMember']): Promise<void> {
  await write<Member | null>(api.POST('/api/v1/members', { body }), nothing);
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

/** The caller refetches its list, so the resource of a late outcome is not needed. */
function nothing(): Promise<null> {
  return Promise.resolve(null);
}
