import { Button, Menu } from '@mantine/core';
import { IconCheck, IconUser } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { assign } from '../api/incidents';
import { asProblem } from '../api/problem';
import { membersQuery } from '../api/tenant';
import type { Incident } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import { useMe, useProject } from '../hooks/useProject';
import { assigneeName } from '../util/assignee';

/** Who is on it, and who could be. */
export function AssigneePicker({ incident, disabled }: { incident: Incident; disabled: boolean }) {
  const me = useMe();
  const members = useQuery({ ...membersQuery(useProject()), enabled: !disabled });
  const write = useIncidentWrite(incident, (userId: string | null) => assign(incident, userId));
  const name = assigneeName(incident.assignee, members.data);
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
        {members.isPending && <Menu.Label>Loading…</Menu.Label>}
        {members.error && <Menu.Label>{asProblem(members.error).title}</Menu.Label>}
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
