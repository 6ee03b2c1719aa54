import type { Actor, Incident, IncidentStats, Severity, TimelineEntry } from '../src/api/types';
import { announce } from './live';
import { allowedNext } from './rules';
import { nextId, save, state } from './store';

interface Opening {
  title: string;
  severity: Severity;
  description?: string;
  source: Incident['source'];
  groupKey: string | null;
}

const SYSTEM: Actor = { type: 'system', id: 'incident_opener', name: 'incident_opener' };

export function find(id: string): Incident | undefined {
  return state().incidents.find((incident) => [incident.id, incident.key].includes(id) && incident.project_id === state().project);
}

export function open(opening: Opening): Incident {
  const now = new Date().toISOString();
  state().numbers += 1;
  const manual = opening.source === 'manual';
  const incident: Incident = {
    id: nextId(), number: state().numbers, key: `INC-${state().numbers}`, project_id: state().project,
    title: opening.title, description: opening.description ?? '', status: 'detected', severity: opening.severity,
    source: opening.source, group_key: opening.groupKey, opened_at: now,
    acknowledged_at: null, investigating_at: null, mitigated_at: null, resolved_at: null, learned_at: null,
    updated_at: now, opened_by: manual ? { id: state().user.id, name: state().user.name } : null,
    assignee: null, merged_into: null, alerts_open: 0, alerts_total: 0, alerts_left_out: 0, version: 1, stale: false,
    allowed_next: allowedNext('detected'),
  };
  state().incidents.unshift(incident);
  record(incident, 'opened', manual ? {} : { actor: SYSTEM });
  announce('incident.created', incident.id);
  return incident;
}

/** Changes an incident in place, as one accepted command: next version, one timeline entry. */
export function change(incident: Incident, to: Partial<Incident>, kind: string, data: Record<string, unknown>): Incident {
  Object.assign(incident, to, { version: incident.version + 1, updated_at: new Date().toISOString() });
  incident.allowed_next = allowedNext(incident.status);
  record(incident, kind, { data });
  return incident;
}

export function record(incident: Incident, kind: string, more: Partial<TimelineEntry>): TimelineEntry {
  const actor: Actor = { type: 'user', id: state().user.id, name: state().user.name };
  const entry: TimelineEntry = { id: nextId(), at: new Date().toISOString(), kind, actor, text: null, data: {}, ...more };
  (state().timelines[incident.id] ??= []).push(entry);
  save();
  announce('timeline.updated', incident.id);
  return entry;
}

export function recordBySystem(incident: Incident, kind: string, data: Record<string, unknown>): void {
  record(incident, kind, { actor: SYSTEM, data });
}

const DAY = 86_400_000;
const MOST_DAYS = 90;

export function statsOf(incidents: readonly Incident[], from: number, now: number): IncidentStats {
  const own = incidents.filter(({ project_id: project }) => project === state().project);
  const open = own.filter(({ resolved_at: resolved, status }) => !resolved && status !== 'merged');
  const inRange = own.filter(({ opened_at: opened }) => Date.parse(opened) >= from);
  const resolved = own.filter(({ resolved_at: at }) => at && Date.parse(at) >= from);
  return {
    open: { by_severity: countBy(open, 'severity'), by_status: countBy(open, 'status'), total: open.length },
    resolved_in_range: resolved.length,
    mtta_seconds: mean(inRange, 'acknowledged_at'),
    mttr_seconds: mean(inRange, 'resolved_at'),
    per_day: days(Math.max(from, now - MOST_DAYS * DAY), now).map((day) => ({
      day,
      opened: own.filter(({ opened_at: at }) => at.startsWith(day)).length,
      resolved: own.filter(({ resolved_at: at }) => at?.startsWith(day)).length,
    })),
  };
}

function days(from: number, now: number): string[] {
  const first = Math.floor(from / DAY);
  const last = Math.floor(now / DAY);
  return Array.from({ length: last - first + 1 }, (_, index) => new Date((first + index) * DAY).toISOString().slice(0, 10));
}

function countBy(incidents: readonly Incident[], field: 'severity' | 'status'): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const incident of incidents) counts[incident[field]] = (counts[incident[field]] ?? 0) + 1;
  return counts;
}

function mean(incidents: readonly Incident[], field: 'acknowledged_at' | 'resolved_at'): number | null {
  const spans = incidents.flatMap((incident) => {
    const at = incident[field];
    return at ? [(Date.parse(at) - Date.parse(incident.opened_at)) / 1000] : [];
  });
  return spans.length > 0 ? spans.reduce((sum, span) => sum + span, 0) / spans.length : null;
}
