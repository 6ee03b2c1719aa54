import { ActionIcon, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { MEMBER_ROLES, type MemberRole } from '../api/types';

export interface GroupRole {
  group: string;
  role: MemberRole;
}

interface GroupRolesProps {
  value: readonly GroupRole[];
  /** Owners say which group is for owners. */
  mayOwn: boolean;
  error: string | undefined;
  onChange: (value: GroupRole[]) => void;
}

/** Which group at the provider has which role here, row by row. */
export function GroupRoles({ value, mayOwn, error, onChange }: GroupRolesProps) {
  const change = (at: number, part: Partial<GroupRole>) =>
    onChange(value.map((row, index) => (index === at ? { ...row, ...part } : row)));
  return (
    <Stack gap="xs" role="group" aria-label="Groups and roles">
      <Text size="sm" fw={500}>
        Groups and roles
      </Text>
      {value.map((row, at) => (
        <Group key={at} gap="xs" wrap="nowrap" align="flex-start">
          <TextInput
            style={{ flex: 1 }}
            aria-label={`Group ${at + 1}`}
            placeholder="platform-team"
            value={row.group}
            onChange={(event) => change(at, { group: event.currentTarget.value })}
          />
          <Select
            w={130}
            aria-label={`Role of group ${at + 1}`}
            data={MEMBER_ROLES.filter((role) => mayOwn || role !== 'owner' || row.role === 'owner')}
            allowDeselect={false}
            value={row.role}
            onChange={(role) => role && change(at, { role: role as MemberRole })}
          />
          <ActionIcon
            variant="default"
            size="input-sm"
            aria-label={`Take away group ${at + 1}`}
            onClick={() => onChange(value.filter((_, index) => index !== at))}
          >
            <IconX size={16} />
          </ActionIcon>
        </Group>
      ))}
      {error && (
        <Text size="xs" c="red" role="alert">
          {error}
        </Text>
      )}
      <Group>
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconPlus size={14} />}
          onClick={() => onChange([...value, { group: '', role: 'engineer' }])}
        >
          Add group
        </Button>
      </Group>
    </Stack>
  );
}
