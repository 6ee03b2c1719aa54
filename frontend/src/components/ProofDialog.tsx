import { Button, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { prove } from '../api/account';
import { signOnPath } from '../api/single-sign-on';
import { useMe } from '../hooks/useProject';
import { useProblemForm } from '../hooks/useProblemForm';
import { Dialog } from '../ui/Dialog';
import { ProblemAlert } from '../ui/ProblemAlert';

interface ProofDialogProps {
  onProven: () => void;
  onClose: () => void;
  /** The page is about to be left for the provider. */
  onLeave?: (() => void) | undefined;
}

/** Takes the proof that the session was begun with: a password, or the provider's word. */
export function ProofDialog(props: ProofDialogProps) {
  const me = useMe();
  return me?.single_sign_on ? <AtTheProvider tenant={me.tenant.id} {...props} /> : <Password {...props} />;
}

/** The page is left, so what was being done is done again afterwards. */
function AtTheProvider({ tenant, onClose, onLeave }: { tenant: string } & ProofDialogProps) {
  const returnTo = window.location.pathname + window.location.search;
  return (
    <Dialog opened onClose={onClose} title="Is it still you?">
      <Stack gap="sm">
        <Text size="sm">
          This needs you to sign in again at your provider. You come back to this page and do it again; for a quarter of an
          hour you are not asked once more.
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button component="a" href={signOnPath(tenant, { returnTo, fresh: true })} onClick={onLeave}>
            Sign in again
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

/** And the code, where the account has a second factor. */
function Password({ onProven, onClose }: ProofDialogProps) {
  const form = useForm({
    initialValues: { password: '', code: '' },
    validate: { password: (value) => (value ? null : 'Enter your password') },
  });
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ password, code }) => prove({ password, ...(code.trim() && { code: code.trim() }) }),
    onProven,
  );
  const needsCode = problem?.rule === 'second_factor_needed' || problem?.rule === 'wrong_code';
  return (
    <Dialog opened onClose={onClose} title="Is it still you?">
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Text size="sm">This needs your password again. It is asked for once in a quarter of an hour.</Text>
          {problem && problem.rule !== 'second_factor_needed' && <ProblemAlert problem={problem} />}
          <PasswordInput label="Password" autoComplete="current-password" data-autofocus {...form.getInputProps('password')} />
          {(needsCode || form.values.code) && (
            <TextInput
              label="Code"
              description="From your authenticator app, or a recovery code"
              autoComplete="one-time-code"
              {...form.getInputProps('code')}
            />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={pending}>
              Go on
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
