import type { QueryClient } from '@tanstack/react-query';
import { incidentQuery, timelineQuery } from '../api/incidents';
import type { Incident, IncidentStatus, StepAction, TimelineEntry } from '../api/types';
import { actorName } from '../util/actor';
import { STEP_WORDS } from '../util/incident-steps';
import { isolated } from '../util/prose';
import { relativeTime } from '../util/time';
import { describeEntry } from './timeline-text';

/** Where a step leads. */
export const RESULT: Record<StepAction, IncidentStatus> = {
  acknowledge: 'acknowledged',
  investigate: 'investigating',
  mitigate: 'mitigated',
  resolve: 'resolved',
  learn: 'learned',
  reopen: 'investigating',
};

/** Why a step is not possible any more: who brought the incident where it is, as far as that can be read. */
export async function stepRefusal(client: QueryClient, incident: Incident, action: StepAction) {
  const { project_id: project, id } = incident;
  const [latest, timeline] = await Promise.all([
    client.fetchQuery({ ...incidentQuery(project, id), staleTime: 0 }),
    client.fetchInfiniteQuery({ ...timelineQuery(project, id), staleTime: 0 }),
  ]);
  const entry = timeline.pages[0]?.items.find(({ kind }) => kind === latest.status || (kind === 'reopened' && latest.status === 'investigating'));
  const name = latest.key ?? 'This incident';
  const what = entry ? `${name}: ${told(entry)}.` : `${name} is ${latest.status} by now.`;
  const steps = latest.allowed_next.flatMap((next) => (next === 'merge' ? [] : [STEP_WORDS[next].label]));
  return {
    title: latest.status === RESULT[action] ? 'Somebody was faster' : 'Not possible any more',
    message: steps.length > 0 ? `${what} Possible now: ${steps.join(', ')}.` : what,
  };
}

function told(entry: TimelineEntry): string {
  return `${isolated(actorName(entry.actor))} ${describeEntry(entry, new Map()).text} ${relativeTime(entry.at, Date.now())}`;
}
