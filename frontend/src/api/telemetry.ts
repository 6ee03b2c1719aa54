import { queryOptions } from '@tanstack/react-query';
import { api, read, write } from './client';
import { keys } from './keys';
import type { components } from './schema';

type Schemas = components['schemas'];
export type RetentionRule = Schemas['TelemetryRetention'];
export type TelemetryDeletion = Schemas['TelemetryDeletion'];

export function retentionQuery(project: string) {
  return queryOptions({
    queryKey: keys.retention(project),
    queryFn: () => read(api.GET('/api/v1/telemetry/retention')),
  });
}

export async function setRetention(body: Schemas['SetTelemetryRetention']): Promise<void> {
  await write<unknown>(api.PUT('/api/v1/telemetry/retention', { body }), nothing);
}

/** Asked for again while one is under way. */
export function deletionsQuery(project: string) {
  return queryOptions({
    queryKey: keys.deletions(project),
    queryFn: () => read(api.GET('/api/v1/telemetry/deletions')),
    refetchInterval: (query) => (query.state.data?.items.some((one) => !one.done_at) ? 2_000 : false),
  });
}

export async function deleteTelemetry(of: 'project' | 'tenant'): Promise<void> {
  await write<unknown>(api.POST('/api/v1/telemetry/deletions', { body: { of } }), nothing);
}

/** The caller refetches, so the resource of a late outcome is not needed. */
function nothing(): Promise<null> {
  return Promise.resolve(null);
}
