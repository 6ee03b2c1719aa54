import { useQueryClient } from '@tanstack/react-query';
import { step } from '../api/incidents';
import type { Incident, StepAction } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import { stepRefusal } from './step-refusal';

/** Takes a step of an incident; a refusal says who brought it where it is. */
export function useIncidentStep(incident: Incident) {
  const client = useQueryClient();
  return useIncidentWrite(
    incident,
    (action: StepAction) => step(incident, action),
    async (action, problem) => (problem.rule === 'illegal_transition' ? stepRefusal(client, incident, action) : undefined),
  );
}
