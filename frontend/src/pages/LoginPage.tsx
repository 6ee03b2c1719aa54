import { Anchor } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useRouter, useSearch } from '@tanstack/react-router';
import type { Session } from '../api/types';
import { LoginForm } from '../forms/LoginForm';
import { AuthPage } from './AuthPage';

export function LoginPage() {
  const { next } = useSearch({ strict: false });
  const router = useRouter();
  const client = useQueryClient();
  const enter = async (session: Session) => {
    client.clear();
    const fallback = `/p/${session.project_id}`;
    router.history.push(next && isOwnPath(next) ? next : fallback);
  };
  return (
    <AuthPage
      title="Log in"
      lead="Alerts, incidents and what was known when."
      foot={
        <>
          New here? <Anchor size="sm" renderRoot={(props) => <Link to="/register" {...props} />}>Create an account</Anchor>
        </>
      }
    >
      <LoginForm onDone={enter} />
    </AuthPage>
  );
}

/** Only paths of this console: `//host` and `https:` would lead away with a fresh session. */
function isOwnPath(path: string): boolean {
  return /^\/(p\/[^/\\]|join#)/.test(path);
}
