import { Button, Checkbox, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem, type Problem } from '../api/problem';
import { inviteMember, sendInvitation } from '../api/tenant';
import { MEMBER_ROLES, type Invitation, type MemberRole } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { useMe, useProject } from '../hooks/useProject';
import { CodeBlock } from '../ui/CodeBlock';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail } from './checks';

interface Invited {
  readonly invitation: Invitation;
  /** Whether its link is on its way by mail. */
  readonly mailed: boolean;
  /** Why it is not, though it was to be. */
  readonly unsent: Problem | null;
}

interface Wanted {
  email: string;
  role: MemberRole;
  byMail: boolean;
}

/** Asks somebody in, by a mail or by a link to hand over, which it shows once `onInvited` was told. */
export function InviteForm({ onInvited, onDone }: { onInvited: () => void; onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const me = useMe();
  const mayOwn = may(me, 'owner.manage');
  const sendsMail = me?.sends_mail ?? false;
  const [invited, setInvited] = useState<Invited | null>(null);
  const form = useForm<Wanted>({
    initialValues: { email: '', role: 'engineer', byMail: sendsMail },
    validate: { email: isEmail },
  });
  const { submit, pending, problem } = useProblemForm(form, invite, async (done) => {
    if (done) {
      setInvited(done);
      onInvited();
    } else onDone();
    await client.invalidateQueries({ queryKey: keys.invitations(project) });
  });
  if (invited) return <InvitationLink {...invited} onDone={onDone} />;
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
        {sendsMail ? (
          <Checkbox size="sm" label="Send the link by mail" {...form.getInputProps('byMail', { type: 'checkbox' })} />
        ) : (
          <Text size="sm" className="dim">
            You get a link to hand over: this installation sends no mail, because its operator has set no mail server
            (SRE_COPILOT_SMTP_URL).
          </Text>
        )}
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            {form.values.byMail ? 'Send the invitation' : 'Make the link'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Null where the outcome came late. Where only the mail fails, the invitation is there. */
async function invite({ email, role, byMail }: Wanted): Promise<Invited | null> {
  const invitation = await inviteMember({ email, role });
  if (!invitation) return null;
  if (!byMail) return { invitation, mailed: false, unsent: null };
  try {
    await sendInvitation(invitation.id);
    return { invitation, mailed: true, unsent: null };
  } catch (cause) {
    return { invitation, mailed: false, unsent: asProblem(cause) };
  }
}

/** The link of an invitation, to copy. */
export function InvitationLink({ invitation, mailed, unsent, onDone }: Invited & { onDone: () => void }) {
  const who = <strong>{invitation.email}</strong>;
  return (
    <Stack gap="sm">
      {unsent && <ProblemAlert problem={unsent} />}
      {mailed ? (
        <Text size="sm">
          The invitation is on its way to {who}; the list below the members shows when it was sent. This is its link, should
          the mail not arrive.
        </Text>
      ) : (
        <Text size="sm">
          Send this link to {who} and to nobody else: whoever has it can join as {invitation.role}. It is good for a week.
        </Text>
      )}
      {invitation.link && <CodeBlock name="Invitation link" text={invitation.link} />}
      <Group justify="flex-end">
        <Button size="sm" onClick={onDone}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
