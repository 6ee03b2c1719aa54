import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { login } from '../api/auth';
import type { Session } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail } from './checks';

export function LoginForm({ onDone }: { onDone: (session: Session) => void | Promise<void> }) {
  const form = useForm({
    initialValues: { email: '', password: '' },
    validate: { email: isEmail, password: (value) => (value ? null : 'Enter your password') },
  });
  const { submit, pending, problem } = useProblemForm(form, login, onDone);
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="E-mail" type="email" autoComplete="username" {...form.getInputProps('email')} />
        <PasswordInput label="Password" autoComplete="current-password" {...form.getInputProps('password')} />
        <Button type="submit" size="sm" loading={pending}>
          Log in
        </Button>
      </Stack>
    </form>
  );
}
