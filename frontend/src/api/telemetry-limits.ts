import { queryOptions } from '@tanstack/react-query';
import { api, read, write } from './client';
import { keys } from './keys';
import type { OwnTelemetryLimits, TelemetryAllowance } from './types';

/** The limits of the whole organisation; usage is noted once a minute, so it is asked again as often. */
export function telemetryLimitsQuery(project: string) {
  return queryOptions({
    queryKey: keys.telemetryLimits(project),
    queryFn: () => read(api.GET('/api/v1/telemetry/limits')),
    refetchInterval: 60_000,
  });
}

/** Replaces all limits; null = as the deployment says. */
export async function setTelemetryLimits(body: OwnTelemetryLimits): Promise<void> {
  await write<TelemetryAllowance | null>(api.PUT('/api/v1/telemetry/limits', { body }), () => Promise.resolve(null));
}
