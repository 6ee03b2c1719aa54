import { queryOptions } from '@tanstack/react-query';
import { api, ifMatch, read, write } from './client';
import { keys } from './keys';
import { allPages } from './paging';
import type { components } from './schema';

type Schemas = components['schemas'];

export type MonitoringIntegration = Schemas['MonitoringIntegration'];
export type MonitoringKind = Schemas['MonitoringKind'];
export type HealthStatus = Schemas['HealthStatus'];
export type IntegrationTest = Schemas['IntegrationTest'];
export type CredentialGiven = Schemas['CredentialGiven'];
export type NewIntegration = Schemas['NewIntegration'];
export type IntegrationSettings = Schemas['IntegrationSettings'];

/** The project's monitoring servers with their health, which the live socket keeps fresh. */
export function monitoringQuery(project: string) {
  return queryOptions({
    queryKey: keys.monitoring(project),
    queryFn: () => allPages((page) => read(api.GET('/api/v1/monitoring-integrations', { params: { query: page } }))),
  });
}

export async function createIntegration(body: NewIntegration): Promise<void> {
  await write<MonitoringIntegration | null>(api.POST('/api/v1/monitoring-integrations', { body }), () => Promise.resolve(null));
}

/** Refused with 412 where somebody else was faster. */
export async function changeIntegration(before: MonitoringIntegration, body: IntegrationSettings): Promise<void> {
  const answer = api.PUT('/api/v1/monitoring-integrations/{id}', {
    params: { path: { id: before.id } },
    body,
    headers: ifMatch(before.version),
  });
  await write<MonitoringIntegration | null>(answer, () => Promise.resolve(null));
}

/** Its credential and its health stay. Refused with 412 where somebody else was faster. */
export async function renameIntegration(before: MonitoringIntegration, name: string): Promise<void> {
  const answer = api.PATCH('/api/v1/monitoring-integrations/{id}', {
    params: { path: { id: before.id } },
    body: { name },
    headers: ifMatch(before.version),
  });
  await write<MonitoringIntegration | null>(answer, () => Promise.resolve(null));
}

export async function removeIntegration(id: string): Promise<void> {
  await write<unknown>(api.DELETE('/api/v1/monitoring-integrations/{id}', { params: { path: { id } } }), () => Promise.resolve(null));
}

/** Asks the server now and says what happened, step by step. */
export function testIntegration(id: string): Promise<IntegrationTest> {
  return write(api.POST('/api/v1/monitoring-integrations/{id}/test', { params: { path: { id } } }), () =>
    Promise.reject(new Error('The server was asked, but the answer was lost on the way. Test again.')),
  );
}
