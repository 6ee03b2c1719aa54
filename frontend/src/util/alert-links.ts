import type { Alert } from '../api/types';
import { isWebLink } from './links';

/** Labels that name the service, as rules and exporters have them; the first that is there counts. */
const SERVICE_LABELS = ['service', 'service_name', 'app', 'job'];
/** What led to the alert happened before it. */
const BEFORE_MS = 15 * 60_000;
/** An alert that has fired for days is explained by its first hour. */
const AFTER_MS = 60 * 60_000;

export interface AlertLinks {
  window: { from: string; to: string };
  service: string | undefined;
  /** The PromQL of the rule, where the agent tells it (Prometheus' `generatorURL`). */
  expression: string | undefined;
  runbook: string | undefined;
}

/** Where to look for what an alert is about. `now` in milliseconds. */
export function alertLinks(alert: Pick<Alert, 'labels' | 'annotations' | 'starts_at' | 'ends_at' | 'generator_url'>, now: number): AlertLinks {
  const started = Date.parse(alert.starts_at);
  const ended = alert.ends_at ? Date.parse(alert.ends_at) : now;
  const to = Math.max(started, Math.min(ended, started + AFTER_MS));
  return {
    window: { from: new Date(started - BEFORE_MS).toISOString(), to: new Date(to).toISOString() },
    service: SERVICE_LABELS.map((name) => alert.labels[name]).find(Boolean),
    expression: expressionOf(alert.generator_url),
    runbook: [alert.annotations['runbook_url'], alert.annotations['runbook']].find((address) => address && isWebLink(address)),
  };
}

function expressionOf(address: string | null | undefined): string | undefined {
  if (!address || !URL.canParse(address)) return undefined;
  return new URL(address).searchParams.get('g0.expr') || undefined;
}
