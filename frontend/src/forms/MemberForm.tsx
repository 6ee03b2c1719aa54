import { Button, Group, PasswordInput, Select, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { createMember } from '../api/tenant';
import { MEMBER_ROLES, type MemberRole } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail, isFilled, isPassword } from './checks';

export function MemberForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const form = useForm<{ name: string; email: string; password: string; role: MemberRole }>({
    initialValues: { name: '', email: '', password: '', role: 'engineer' },
    validate: { name: isFilled('Enter a name'), email: isEmail, password: isPassword },
  });
  const { submit, pending, problem } = useProblemForm(form, createMember, async () => {
    onDone();
    await client.invalidateQueries({ queryKey: keys.members(project) });
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="Name" data-autofocus {...form.getInputProps('name')} />
        <TextInput label="E-mail" type="email" autoComplete="off" {...form.getInputProps('email')} />
        <PasswordInput
          label="First password"
          description="Tell it to them on another way; at least 8 characters"
          autoComplete="new-password"
          {...form.getInputProps('password')}
        />
        <Select label="Role" data={[...MEMBER_ROLES]} allowDeselect={false} {...form.getInputProps('role')} />
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Add member
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
