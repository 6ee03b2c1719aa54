import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { join } from '../api/auth';
import type { Session } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isFilled, isPassword, SHORTEST_PASSWORD } from './checks';

interface JoinFormProps {
  token: string;
  email: string;
  onDone: (session: Session) => void | Promise<void>;
}

/** A new account for the address that was invited. */
export function JoinForm({ token, email, onDone }: JoinFormProps) {
  const form = useForm({
    initialValues: { name: '', password: '' },
    validate: { name: isFilled('Enter your name'), password: isPassword },
  });
  const { submit, pending, problem } = useProblemForm(form, (values) => join({ token, ...values }), onDone);
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="E-mail" value={email} readOnly autoComplete="username" />
        <TextInput label="Your name" autoComplete="name" {...form.getInputProps('name')} />
        <PasswordInput
          label="Password"
          description={`At least ${SHORTEST_PASSWORD} characters; common ones are refused`}
          autoComplete="new-password"
          {...form.getInputProps('password')}
        />
        <Button type="submit" size="sm" loading={pending}>
          Join
        </Button>
      </Stack>
    </form>
  );
}
