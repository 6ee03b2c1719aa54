import { Anchor } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import type { Session } from '../api/types';
import { RegisterForm } from '../forms/RegisterForm';
import { AuthPage } from './AuthPage';

export function RegisterPage() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const enter = async (session: Session) => {
    client.clear();
    await navigate({ to: '/p/$project/getting-started', params: { project: session.project_id } });
  };
  return (
    <AuthPage
      title="Create an account"
      lead="Your first alert can be an incident here in five minutes."
      foot={
        <>
          Have an account? <Anchor size="sm" renderRoot={(props) => <Link to="/login" {...props} />}>Log in</Anchor>
        </>
      }
    >
      <RegisterForm onDone={enter} />
    </AuthPage>
  );
}
