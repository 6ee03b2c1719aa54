import type { Incident, IncidentStatus } from '../api/types';

/** Something that happened to an incident, read from its own instants. */
export interface Activity {
  id: string;
  at: string;
  what: Exclude<IncidentStatus, 'merged'>;
  incident: Incident;
}

/** The newest `count` steps of these incidents, newest first. */
export function recentActivity(incidents: readonly Incident[], count: number): Activity[] {
  return incidents
    .flatMap(stepsOf)
    .sort((left, right) => right.at.localeCompare(left.at) || right.id.localeCompare(left.id))
    .slice(0, count);
}

function stepsOf(incident: Incident): Activity[] {
  const steps: [Activity['what'], string | null | undefined][] = [
    ['detected', incident.opened_at],
    ['acknowledged', incident.acknowledged_at],
    ['investigating', incident.investigating_at],
    ['mitigated', incident.mitigated_at],
    ['resolved', incident.resolved_at],
    ['learned', incident.learned_at],
  ];
  return steps.flatMap(([what, at]) => (at ? [{ id: `${incident.id}/${what}`, at, what, incident }] : []));
}
