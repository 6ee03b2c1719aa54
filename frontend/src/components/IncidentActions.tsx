import { ActionIcon, Button, Menu } from '@mantine/core';
import { IconDots, IconGitMerge } from '@tabler/icons-react';
import type { Incident, StepAction } from '../api/types';
import { useShortcuts } from '../hooks/useShortcuts';
import { nextSteps, STEP_WORDS } from '../util/incident-steps';
import { useIncidentStep } from './useIncidentStep';

/** The next step as the one filled button; everything else that is legal in a menu. */
export function IncidentActions({ incident, onMerge }: { incident: Incident; onMerge: () => void }) {
  const write = useIncidentStep(incident);
  const { primary, others } = nextSteps(incident.allowed_next);
  const take = (action: StepAction | undefined) => {
    if (action) write.mutate(action);
  };
  useShortcuts([
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
