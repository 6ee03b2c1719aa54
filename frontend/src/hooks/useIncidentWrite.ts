import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { orRecorded } from '../api/client';
import { settleIncident } from '../api/incidents';
import { keys } from '../api/keys';
import { adviceFor, asProblem, isRetryable, type Problem } from '../api/problem';
import type { Incident } from '../api/types';
import { REFUSAL_STAYS_MS } from './tellProblem';
import { useWrite } from './useWrite';

/** What a refusal means to whoever asked, where there is more to say than the server did; null where the page itself says it. */
type Explain<A> = (argument: A, problem: Problem) => Promise<{ title: string; message: string } | null | undefined>;

/**
 * A write to one incident. Nothing is optimistic: the server may refuse. An accepted write shows what it answered;
 * a refused one says why, and the incident is read again because the screen was evidently behind.
 */
export function useIncidentWrite<A>(incident: Incident, send: (argument: A) => Promise<Incident>, explain?: Explain<A>) {
  const client = useQueryClient();
  return useWrite({
    mutationFn: (argument: A) => orRecorded(send(argument)),
    onSuccess: (changed) => (changed ? settleIncident(client, changed) : undefined),
    onError: async (cause, argument) => {
      const problem = asProblem(cause);
      const read = [keys.incident(incident.project_id, incident.id), keys.timeline(incident.project_id, incident.id)];
      const reread = Promise.all(read.map((queryKey) => client.invalidateQueries({ queryKey })));
      const explained = await explain?.(argument, problem).catch(() => undefined);
      if (explained !== null) {
        notifications.show({ color: 'red', title: problem.title, message: refusalText(incident, problem), autoClose: REFUSAL_STAYS_MS, ...explained });
      }
      await reread;
    },
  });
}

/** What happened and what is possible instead, in one sentence each. */
export function refusalText(incident: Pick<Incident, 'key'>, problem: Problem): string {
  const name = incident.key ?? 'This incident';
  if (problem.status === 412) return `Somebody changed ${name} meanwhile. You now see the latest version; try again if it still applies.`;
  const next = problem.allowedNext.length > 0 ? ` Possible now: ${problem.allowedNext.join(', ')}.` : '';
  const advice = problem.ofWrite && isRetryable(problem) ? adviceFor(problem) : undefined;
  const what = [problem.detail ?? (advice ? undefined : problem.title), advice].filter(Boolean).join(' ');
  const id = problem.requestId && problem.status >= 500 ? ` (request ${problem.requestId})` : '';
  return `${what}${next}${id}`;
}
