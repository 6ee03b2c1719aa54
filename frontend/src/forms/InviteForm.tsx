import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { inviteMember } from '../api/tenant';
import { MEMBER_ROLES, type Invitation, type MemberRole } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { useMe, useProject } from '../hooks/useProject';
import { CodeBlock } from '../ui/CodeBlock';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail } from './checks';

/** Asks somebody in; the answer is a link to send them. */
export function InviteForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const mayOwn = may(useMe(), 'owner.manage');
  const [invited, setInvited] = useState<Invitation | null>(null);
  const form = useForm<{ email: string; role: MemberRole }>({
    initialValues: { email: '', role: 'engineer' },
    validate: { email: isEmail },
  });
  const { submit, pending, problem } = useProblemForm(form, inviteMember, async (invitation) => {
    if (invitation) setInvited(invitation);
    else onDone();
    await client.invalidateQueries({ queryKey: keys.invitations(project) });
  });
  if (invited) return <InvitationLink invitation={invited} onDone={onDone} />;
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="E-mail" type="email" autoComplete="off" data-autofocus {...form.getInputProps('email')} />
        <Select
          label="Role"
          data={MEMBER_ROLES.filter((role) => mayOwn || role !== 'owner')}
          allowDeselect={false}
          {...form.getInputProps('role')}
        />
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The link of an invitation, to copy. */
export function InvitationLink({ invitation, onDone }: { invitation: Invitation; onDone: () => void }) {
  return (
    <Stack gap="sm">
      <Text size="sm">
        Send this link to <strong>{invitation.email}</strong> and to nobody else: whoever has it can join as{' '}
        {invitation.role}. It is good for a week.
      </Text>
      <CodeBlock name="Invitation link" text={invitation.link} />
      <Group justify="flex-end">
        <Button size="sm" onClick={onDone}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
