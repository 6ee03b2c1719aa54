import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { prove } from '../api/account';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';

/** Takes the password, and the code where the account has a second factor. */
export function ProofDialog({ onProven, onClose }: { onProven: () => void; onClose: () => void }) {
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
    <Modal opened onClose={onClose} title="Is it still you?">
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
    </Modal>
  );
}
