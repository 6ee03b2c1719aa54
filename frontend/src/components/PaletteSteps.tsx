import { Spotlight } from '@mantine/spotlight';
import { IconUser } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { may } from '../api/auth';
import { assign, incidentQuery } from '../api/incidents';
import type { Incident, Me } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import { useMe, useProject } from '../hooks/useProject';
import { nextSteps, STEP_WORDS } from '../util/incident-steps';
import { RESULT } from './step-refusal';
import { STATUS_ICONS } from './StatusBadge';
import { useIncidentStep } from './useIncidentStep';

/** What can be done to the incident that is open. */
export function PaletteSteps({ query }: { query: string }) {
  const project = useProject();
  const { incident: id = '' } = useParams({ strict: false });
  const me = useMe();
  const { data } = useQuery({ ...incidentQuery(project, id), enabled: id !== '' });
  if (!data || !me || !may(me, 'incident.work')) return null;
  return <Steps incident={data} me={me} query={query} />;
}

function Steps({ incident, me, query }: { incident: Incident; me: Me; query: string }) {
  const step = useIncidentStep(incident);
  const assignee = useIncidentWrite(incident, (userId: string) => assign(incident, userId));
  const { primary, others } = nextSteps(incident.allowed_next);
  const name = incident.key ?? 'this incident';
  const steps = [...(primary ? [primary] : []), ...others].map((action) => ({
    words: STEP_WORDS[action].label,
    icon: STATUS_ICONS[RESULT[action]],
    act: () => step.mutate(action),
  }));
  const mine = incident.status !== 'merged' && incident.assignee?.id !== me.user.id;
  const all = [...steps, ...(mine ? [{ words: 'Assign to me', icon: IconUser, act: () => assignee.mutate(me.user.id) }] : [])];
  return all
    // Who types the number of an incident looks for it.
    .filter(({ words }) => words.toLowerCase().includes(query.trim().toLowerCase()))
    .map((action) => (
      <Spotlight.Action key={action.words} label={`${action.words}: ${name}`} leftSection={<action.icon size={16} />} onClick={action.act} />
    ));
}
