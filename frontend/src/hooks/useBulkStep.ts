import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { settleIncident, step } from '../api/incidents';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import type { Incident, StepAction } from '../api/types';
import { STEP_WORDS } from '../util/incident-steps';
import { refusalText } from './useIncidentWrite';

/** One step for several incidents, one after the other; says how many were accepted and why the others were not. */
export function useBulkStep(onDone: () => void) {
  const client = useQueryClient();
  const mutation = useMutation({
    mutationFn: async ({ incidents, action }: { incidents: readonly Incident[]; action: StepAction }) => {
      const refusals: string[] = [];
      for (const incident of incidents) {
        try {
          await settleIncident(client, await step(incident, action));
        } catch (cause) {
          refusals.push(refusalText(incident, asProblem(cause)));
        }
      }
      return { accepted: incidents.length - refusals.length, refusals };
    },
    onSuccess: ({ accepted, refusals }, { incidents, action }) => {
      notifications.show({
        color: refusals.length > 0 ? 'yellow' : 'green',
        title: `${accepted} of ${incidents.length} ${STEP_WORDS[action].done}`,
        message: refusals.join('\n'),
        styles: { description: { whiteSpace: 'pre-line' } },
      });
      onDone();
    },
    onSettled: (_result, _error, { incidents }) => {
      const project = incidents[0]?.project_id;
      if (project) void client.invalidateQueries({ queryKey: keys.everyIncidentList(project) });
    },
  });
  return {
    pending: mutation.isPending,
    run: (incidents: readonly Incident[], action: StepAction) => mutation.mutate({ incidents, action }),
  };
}
