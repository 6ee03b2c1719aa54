import { ActionIcon, Button, Menu } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconDots, IconGitMerge } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { step } from '../api/incidents';
import type { Incident, StepAction } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import { nextSteps, STEP_WORDS } from '../util/incident-steps';
import { stepRefusal } from './step-refusal';

/** The next step as the one filled button; everything else that is legal in a menu. */
export function IncidentActions({ incident, onMerge }: { incident: Incident; onMerge: () => void }) {
  const client = useQueryClient();
  const write = useIncidentWrite(
    incident,
    (action: StepAction) => step(incident, action),
    async (action, problem) => (problem.rule === 'illegal_transition' ? stepRefusal(client, incident, action) : undefined),
  );
  const { primary, others } = nextSteps(incident.allowed_next);
  const take = (action: StepAction | undefined) => {
    if (action) write.mutate(action);
  };
  useHotkeys([
    ['a', () => take(incident.allowed_next.includes('acknowledge') ? 'acknowledge' : undefined)],
    ['n', () => take(primary)],
  ]);
  const mayMerge = incident.allowed_next.includes('merge');
  return (
    <>
      {primary && (
        <Button size="sm" loading={write.isPending} onClick={() => take(primary)}>
          {STEP_WORDS[primary].label}
        </Button>
      )}
      {(others.length > 0 || mayMerge) && (
        <Menu width={200}>
          <Menu.Target>
            <ActionIcon variant="default" size={36} aria-label="More actions">
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {others.map((action) => (
              <Menu.Item key={action} onClick={() => take(action)}>
                {STEP_WORDS[action].label}
              </Menu.Item>
            ))}
            {mayMerge && (
              <Menu.Item leftSection={<IconGitMerge size={15} />} onClick={onMerge}>
                Merge into…
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}
