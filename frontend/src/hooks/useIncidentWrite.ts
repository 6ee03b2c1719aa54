import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { settleIncident } from '../api/incidents';
import { keys } from '../api/keys';
import { asProblem, type Problem } from '../api/problem';
import type { Incident } from '../api/types';

/**
 * A write to one incident. Nothing is optimistic: the server may refuse. An accepted write shows what it answered;
 * a refused one says why, and the incident is read again because the screen was evidently behind.
 */
export function useIncidentWrite<A>(incident: Incident, send: (argument: A) => Promise<Incident>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: (changed) => settleIncident(client, changed),
    onError: async (cause) => {
      const problem = asProblem(cause);
      notifications.show({ color: 'red', title: problem.title, message: refusalText(incident, problem) });
      await client.invalidateQueries({ queryKey: keys.incident(incident.project_id, incident.id) });
      await client.invalidateQueries({ queryKey: keys.timeline(incident.project_id, incident.id) });
    },
  });
}

/** What happened and what is possible instead, in one sentence each. */
export function refusalText(incident: Pick<Incident, 'key'>, problem: Problem): string {
  const name = incident.key ?? 'This incident';
  if (problem.status === 412) return `Somebody changed ${name} meanwhile. You now see the latest version; try again if it still applies.`;
  const next = problem.allowedNext.length > 0 ? ` Possible now: ${problem.allowedNext.join(', ')}.` : '';
  const id = problem.requestId && problem.status >= 500 ? ` (request ${problem.requestId})` : '';
  return `${problem.detail ?? problem.title}${next}${id}`;
}
