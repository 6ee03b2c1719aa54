import { Anchor, Divider, Stack } from '@mantine/core';
import { IconAlertTriangle, IconLogout } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useRouter, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import type { Session } from '../api/types';
import { InitialPasswordForm } from '../forms/InitialPasswordForm';
import { LoginForm, type InitialLogin } from '../forms/LoginForm';
import { SignOnForm } from '../forms/SignOnForm';
import { Callout } from '../ui/Callout';
import { signOnOutcome } from '../util/sign-on';
import { AuthPage } from './AuthPage';

export function LoginPage() {
  const { next, sign_on: signOn, ended } = useSearch({ strict: false });
  const outcome = signOnOutcome(signOn);
  const returnTo = next && isOwnPath(next) ? next : undefined;
  const router = useRouter();
  const client = useQueryClient();
  const [initial, setInitial] = useState<InitialLogin | null>(null);
  const enter = async (session: Session) => {
    client.clear();
    const fallback = `/p/${session.project_id}`;
    router.history.push(returnTo ?? fallback);
  };
  if (initial) {
    return (
      <AuthPage
        title="Choose your password"
        lead="Whoever made your account knows its first password, so it is good for nothing but to be replaced."
        foot={
          <Anchor component="button" size="sm" onClick={() => setInitial(null)}>
            Log in with another account
          </Anchor>
        }
      >
        <InitialPasswordForm typed={initial} onDone={enter} />
      </AuthPage>
    );
  }
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
      <Stack gap="md">
        {ended && !outcome && (
          <Callout tone="warn" role="status" icon={<IconLogout size={16} />} title="You were signed out">
            Your session ended: in another tab, by a new password, or because somebody ended it. Log in to go on where you were.
          </Callout>
        )}
        {outcome && (
          <Callout tone="warn" role="alert" icon={<IconAlertTriangle size={16} />} title={outcome.title}>
            {outcome.advice}
          </Callout>
        )}
        <LoginForm onDone={enter} onInitial={setInitial} />
        <Divider label="or" />
        <SignOnForm returnTo={returnTo} />
      </Stack>
    </AuthPage>
  );
}

/** Only paths of this console: `//host` and `https:` would lead away with a fresh session. */
function isOwnPath(path: string): boolean {
  return /^\/(p\/[^/\\]|join#)/.test(path);
}
