import type { Incident } from '../api/types';
import { absoluteTime, duration, secondsBetween } from './time';

type Told = Pick<Incident, 'id' | 'project_id' | 'key' | 'severity' | 'status' | 'title' | 'opened_at' | 'resolved_at' | 'assignee'>;

/** An incident in three lines for a chat: what it is, since when and who is on it, and where. */
export function incidentSummary(incident: Told, origin: string): string {
  const { id, project_id: project, key, severity, status, title, opened_at: opened, resolved_at: resolved, assignee } = incident;
  const when = resolved ? `resolved after ${duration(secondsBetween(opened, resolved))}` : `open since ${absoluteTime(opened)}`;
  const who = assignee ? `assigned to ${assignee.name}` : 'assigned to nobody';
  return [
    `${[key, severity, status].filter(Boolean).join(' · ')}: ${title}`,
    `${when}, ${who}`,
    `${origin}/p/${project}/incidents/${key ?? id}`,
  ].join('\n');
}
