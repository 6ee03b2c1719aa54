import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { replaceInitialPassword } from '../api/auth';
import type { Session } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isPassword, SHORTEST_PASSWORD } from './checks';
import type { InitialLogin } from './LoginForm';

interface InitialPasswordFormProps {
  typed: InitialLogin;
  onDone: (session: Session) => void | Promise<void>;
}

/** One's own password instead of the one that the account was made with. */
export function InitialPasswordForm({ typed, onDone }: InitialPasswordFormProps) {
  const form = useForm({ initialValues: { new_password: '' }, validate: { new_password: isPassword } });
  const { submit, pending, problem } = useProblemForm(
    form,
    (values) => replaceInitialPassword({ ...typed, ...values }),
    onDone,
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="E-mail" value={typed.email} readOnly autoComplete="username" />
        <PasswordInput
          label="New password"
          description={`At least ${SHORTEST_PASSWORD} characters, and another one than before; common ones are refused`}
          autoComplete="new-password"
          autoFocus
          {...form.getInputProps('new_password')}
        />
        <Button type="submit" size="sm" loading={pending}>
          Set password and log in
        </Button>
      </Stack>
    </form>
  );
}
