import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { login } from '../api/auth';
import { asProblem } from '../api/problem';
import type { Session } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail } from './checks';

/** What was typed where the password is one that somebody else has set. */
export interface InitialLogin {
  email: string;
  password: string;
}

interface LoginFormProps {
  onDone: (session: Session) => void | Promise<void>;
  onInitial: (typed: InitialLogin) => void;
}

export function LoginForm({ onDone, onInitial }: LoginFormProps) {
  const form = useForm({
    initialValues: { email: '', password: '', code: '' },
    validate: { email: isEmail, password: (value) => (value ? null : 'Enter your password') },
  });
  const { submit, pending, problem } = useProblemForm(
    form,
    async ({ code, ...body }) => {
      try {
        return await login({ ...body, ...(code.trim() && { code: code.trim() }) });
      } catch (cause) {
        if (asProblem(cause).rule !== 'password_change_required') throw cause;
        return null;
      }
    },
    (session, { email, password }) => (session ? onDone(session) : onInitial({ email, password })),
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
