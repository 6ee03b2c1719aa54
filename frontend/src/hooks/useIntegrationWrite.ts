import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { monitoringQuery, type MonitoringIntegration } from '../api/monitoring';
import { asProblem } from '../api/problem';
import { useProject } from './useProject';

/**
 * Changes an integration as it was when somebody began to write. Where somebody else was faster it is read anew: `theirs`
 * is what it has become, and whoever sends theirs again replaces that knowingly.
 */
export function useIntegrationWrite(before: MonitoringIntegration | undefined) {
  const client = useQueryClient();
  const project = useProject();
  const [theirs, setTheirs] = useState<MonitoringIntegration | null>(null);
  const since = theirs ?? before;
  const sent = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (cause) {
      if (asProblem(cause).status === 412) setTheirs(await latestOf());
      throw cause;
    }
  };
  const latestOf = async () => {
    const all = await client.fetchQuery({ ...monitoringQuery(project), staleTime: 0 }).catch(() => []);
    return all.find(({ id }) => id === before?.id) ?? null;
  };
  return { since, theirs, sent };
}
