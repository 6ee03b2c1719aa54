import type { Alert } from '../api/types';
import { around } from './around';
import { isWebLink } from './links';

/** Labels that name the service, as rules and exporters have them; the first that is there counts. */
const SERVICE_LABELS = ['service', 'service_name', 'app', 'job'];

export interface AlertLinks {
  window: { from: string; to: string };
  service: string | undefined;
  /** The PromQL of the rule, where the agent tells it (Prometheus' `generatorURL`). */
  expression: string | undefined;
  runbook: string | undefined;
}

/** Where to look for what an alert is about. `now` in milliseconds. */
export function alertLinks(alert: Pick<Alert, 'labels' | 'annotations' | 'starts_at' | 'ends_at' | 'generator_url'>, now: number): AlertLinks {
  return {
    window: around(alert.starts_at, alert.ends_at, now),
    service: serviceOf(alert),
    expression: expressionOf(alert.generator_url),
    runbook: [alert.annotations['runbook_url'], alert.annotations['runbook']].find((address) => address && isWebLink(address)),
  };
}

function serviceOf({ labels }: Pick<Alert, 'labels'>): string | undefined {
  return SERVICE_LABELS.map((name) => labels[name]).find(Boolean);
}

/** The services that some alerts name, the most frequent first. */
export function servicesOf(alerts: readonly Pick<Alert, 'labels'>[]): string[] {
  const counts = new Map<string, number>();
  for (const alert of alerts) {
    const service = serviceOf(alert);
    if (service) counts.set(service, (counts.get(service) ?? 0) + 1);
  }
  return [...counts].sort(([, left], [, right]) => right - left).map(([service]) => service);
}

function expressionOf(address: string | null | undefined): string | undefined {
  if (!address || !URL.canParse(address)) return undefined;
  return new URL(address).searchParams.get('g0.expr') || undefined;
}
