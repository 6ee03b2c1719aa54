import { Button, Menu } from '@mantine/core';
import { IconCheck, IconUser } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { assign } from '../api/incidents';
import { membersQuery } from '../api/tenant';
import type { Incident } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import { useMe, useProject } from '../hooks/useProject';

/** Who is on it. Members are only asked for when the menu opens. */
export function AssigneePicker({ incident, disabled }: { incident: Incident; disabled: boolean }) {
  const me = useMe();
  const members = useQuery({ ...membersQuery(useProject()), enabled: !disabled });
  const write = useIncidentWrite(incident, (userId: string | null) => assign(incident, userId));
  const name = incident.assignee?.name ?? 'Unassigned';
  return (
    <Menu width={220} position="bottom-start" disabled={disabled}>
      <Menu.Target>
        <Button
          variant="default"
          size="compact-sm"
          fw={450}
          loading={write.isPending}
          disabled={disabled}
          leftSection={<IconUser size={14} />}
          aria-label={`Assignee: ${name}`}
        >
          {name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {me && incident.assignee?.id !== me.user.id && (
          <Menu.Item onClick={() => write.mutate(me.user.id)}>Assign to me</Menu.Item>
        )}
        {incident.assignee && <Menu.Item onClick={() => write.mutate(null)}>Remove assignee</Menu.Item>}
        <Menu.Divider />
        {(members.data ?? []).map((member) => (
          <Menu.Item
            key={member.user_id}
            rightSection={incident.assignee?.id === member.user_id ? <IconCheck size={14} aria-label="assigned" /> : null}
            onClick={() => write.mutate(member.user_id)}
          >
            {member.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
