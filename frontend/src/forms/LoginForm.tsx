import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { login } from '../api/auth';
import type { Session } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail } from './checks';

export function LoginForm({ onDone }: { onDone: (session: Session) => void | Promise<void> }) {
  const form = useForm({
    initialValues: { email: '', password: '', code: '' },
    validate: { email: isEmail, password: (value) => (value ? null : 'Enter your password') },
  });
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ code, ...body }) => login({ ...body, ...(code.trim() && { code: code.trim() }) }),
    onDone,
  );
  const asked = problem?.rule === 'second_factor_needed';
  const needsCode = asked || problem?.rule === 'wrong_code' || form.values.code !== '';
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && !asked && <ProblemAlert problem={problem} />}
        <TextInput label="E-mail" type="email" autoComplete="username" {...form.getInputProps('email')} />
        <PasswordInput label="Password" autoComplete="current-password" {...form.getInputProps('password')} />
        {asked && (
          <Text size="sm" role="status">
            This account has a second factor: enter a code of your app.
          </Text>
        )}
        {needsCode && (
          <TextInput
            label="Code"
            description="From your authenticator app, or a recovery code"
            autoComplete="one-time-code"
            autoFocus
            {...form.getInputProps('code')}
          />
        )}
        <Button type="submit" size="sm" loading={pending}>
          Log in
        </Button>
      </Stack>
    </form>
  );
}
