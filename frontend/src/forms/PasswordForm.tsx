import { Button, Group, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { changePassword } from '../api/account';
import { keys } from '../api/keys';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isPassword, SHORTEST_PASSWORD } from './checks';

/** Another password; every other session ends. */
export function PasswordForm() {
  const client = useQueryClient();
  const form = useForm({
    initialValues: { password: '', code: '', new_password: '' },
    validate: { password: (value) => (value ? null : 'Enter your password'), new_password: isPassword },
  });
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ code, ...body }) => changePassword({ ...body, ...(code.trim() && { code: code.trim() }) }),
    async () => {
      form.reset();
      notifications.show({ title: 'Your password is changed', message: 'Every other session was signed out.' });
      await client.invalidateQueries({ queryKey: keys.sessions });
    },
  );
  const needsCode = problem?.rule === 'second_factor_needed' || problem?.rule === 'wrong_code';
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm" maw={420}>
        {problem && problem.rule !== 'second_factor_needed' && <ProblemAlert problem={problem} />}
        <PasswordInput label="Current password" autoComplete="current-password" {...form.getInputProps('password')} />
        {(needsCode || form.values.code) && (
          <TextInput
            label="Code"
            description="From your authenticator app, or a recovery code"
            autoComplete="one-time-code"
            {...form.getInputProps('code')}
          />
        )}
        <PasswordInput
          label="New password"
          description={`At least ${SHORTEST_PASSWORD} characters; common ones are refused`}
          autoComplete="new-password"
          {...form.getInputProps('new_password')}
        />
        <Group justify="flex-end">
          <Button type="submit" variant="default" loading={pending}>
            Change password
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
