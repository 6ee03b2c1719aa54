import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { orRecorded } from '../api/client';
import { step } from '../api/incidents';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import type { Incident, StepAction } from '../api/types';
import { STEP_WORDS } from '../util/incident-steps';
import { REFUSAL_STAYS_MS } from './tellProblem';
import { refusalText } from './useIncidentWrite';

/** So many are asked at a time: three hundred one after the other would take minutes. */
const AT_ONCE = 6;

/** One step for several incidents; says how many were accepted and why the others were not. The lists are read once, at the end. */
export function useBulkStep(onDone: (incidents: readonly Incident[]) => void) {
  const client = useQueryClient();
  /** Their ids: a second press on one is none, and a press on another does not wait for the first. */
  const underWay = useRef(new Set<string>());
  const mutation = useMutation({
    mutationFn: async ({ incidents, action }: { incidents: readonly Incident[]; action: StepAction }) => {
      const refusals: string[] = [];
      const left = [...incidents];
      const work = async () => {
        for (let incident = left.shift(); incident; incident = left.shift()) {
          try {
            const changed = await orRecorded(step(incident, action));
            if (changed) client.setQueryData(keys.incident(changed.project_id, changed.id), changed);
          } catch (cause) {
            refusals.push(refusalText(incident, asProblem(cause)));
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return { accepted: incidents.length - refusals.length, refusals };
    },
    onSuccess: ({ accepted, refusals }, { incidents, action }) => {
      notifications.show({
        color: refusals.length > 0 ? 'yellow' : 'green',
        title: `${accepted} of ${incidents.length} ${STEP_WORDS[action].done}`,
        message: told(refusals),
        ...(refusals.length > 0 && { autoClose: REFUSAL_STAYS_MS }),
        styles: { description: { whiteSpace: 'pre-line' } },
      });
      onDone(incidents);
    },
    onSettled: (_result, _error, { incidents }) => {
      for (const { id } of incidents) underWay.current.delete(id);
      const project = incidents[0]?.project_id;
      if (project) void client.invalidateQueries({ queryKey: keys.everyIncidentList(project) });
    },
  });
  return {
    pending: mutation.isPending,
    run: (wanted: readonly Incident[], action: StepAction) => {
      const incidents = wanted.filter(({ id }) => !underWay.current.has(id));
      if (incidents.length === 0) return;
      for (const { id } of incidents) underWay.current.add(id);
      mutation.mutate({ incidents, action });
    },
  };
}

const MOST_TOLD = 5;

function told(refusals: readonly string[]): string {
  const more = refusals.length - MOST_TOLD;
  return [...refusals.slice(0, MOST_TOLD), ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}
