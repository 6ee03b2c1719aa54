import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { register } from '../api/auth';
import type { Session } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail, isFilled, isPassword, SHORTEST_PASSWORD } from './checks';

export function RegisterForm({ onDone }: { onDone: (session: Session) => void | Promise<void> }) {
  const form = useForm({
    initialValues: { name: '', email: '', tenant_name: '', password: '' },
    validate: {
      name: isFilled('Enter your name'),
      email: isEmail,
      tenant_name: isFilled('Enter the name of your team or company'),
      password: isPassword,
    },
  });
  const { submit, pending, problem } = useProblemForm(form, register, onDone);
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="Your name" autoComplete="name" {...form.getInputProps('name')} />
        <TextInput label="E-mail" type="email" autoComplete="username" {...form.getInputProps('email')} />
        <TextInput
          label="Organisation"
          description="Your team or company; colleagues join it later"
          autoComplete="organization"
          {...form.getInputProps('tenant_name')}
        />
        <PasswordInput
          label="Password"
          description={`At least ${SHORTEST_PASSWORD} characters; common ones are refused`}
          autoComplete="new-password"
          {...form.getInputProps('password')}
        />
        <Button type="submit" size="sm" loading={pending}>
          Create account
        </Button>
      </Stack>
    </form>
  );
}
