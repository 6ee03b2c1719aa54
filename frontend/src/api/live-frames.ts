import type { QueryKey } from '@tanstack/react-query';
import { keys } from './keys';

export type ChangeType =
  | 'incident.created'
  | 'incident.updated'
  | 'incident.absorbed'
  | 'timeline.updated'
  | 'alert.fired'
  | 'alert.resolved'
  | 'api_key.updated'
  | 'member.updated'
  | 'project.updated'
  | 'saved_view.updated'
  | 'monitoring_integration.updated'
  | 'telemetry_limits.updated'
  | 'telemetry_limits.reached';

/** A message says what changed, never how: `key` is the id of the thing (of the incident for a timeline). */
export interface Change {
  type: ChangeType;
  project_id: string | null;
  key: string;
  seq: number;
}

export type Frame =
  /** `project_id` is whose changes follow; servers from before it had a name do not say. */
  | { type: 'hello'; epoch: string; seq: number; project_id?: string; behind_since?: string }
  /** What happened after `since` does not show yet; null once it does. */
  | { type: 'behind'; since: string | null }
  | { type: 'resync'; epoch: string; seq: number }
  | Change;

/** Null for what this console does not know: an older console must survive a newer server. */
export function parseFrame(text: string): Frame | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return null;
  if (value.type === 'behind') return 'since' in value ? (value as Frame) : null;
  if (!('seq' in value)) return null;
  if (typeof value.type !== 'string' || typeof value.seq !== 'number') return null;
  const known = value.type === 'hello' || value.type === 'resync' || value.type in TOUCHES;
  return known ? (value as Frame) : null;
}

/** The query keys that a change names. A change in another project touches nothing that is on the screen. */
export function touchedKeys(project: string, change: Change): readonly QueryKey[] {
  if (change.project_id && change.project_id !== project) return [];
  return TOUCHES[change.type](project, change.key);
}

const TOUCHES: Record<ChangeType, (project: string, key: string) => readonly QueryKey[]> = {
  'incident.created': (project, key) => [keys.everyIncidentList(project), keys.incident(project, key)],
  // What its alerts do is told of the incident that they began in, also after that was merged: the one on the screen,
  // which may stand for it, is asked again.
  'incident.updated': (project) => [keys.everyIncidentList(project), keys.everyIncident(project)],
  // The alerts of another incident are its own now, of which no alert's message tells.
  'incident.absorbed': (project, key) => [keys.incidentAlerts(project, key), keys.everyAlertList(project)],
  'timeline.updated': (project) => [keys.everyTimeline(project)],
  'alert.fired': alertKeys,
  'alert.resolved': alertKeys,
  'api_key.updated': (project) => [keys.apiKeys(project), keys.serviceAccounts(project)],
  'member.updated': (project) => [keys.members(project), keys.invitations(project), keys.me],
  'project.updated': (project) => [keys.projects(project), keys.me],
  'saved_view.updated': (project) => [keys.everySavedView(project)],
  'monitoring_integration.updated': (project) => [keys.monitoring(project)],
  'telemetry_limits.updated': (project) => [keys.telemetryLimits(project)],
  'telemetry_limits.reached': (project) => [keys.telemetryLimits(project)],
};

/** An alert's message does not say which incident holds it, so the alerts of the one on the screen are asked again. */
function alertKeys(project: string, key: string): readonly QueryKey[] {
  return [keys.everyAlertList(project), keys.alert(project, key), keys.everyIncidentAlerts(project)];
}
