import { Stack } from '@mantine/core';
import { LeaveTenant } from '../components/LeaveTenant';
import { OpenSessions } from '../components/OpenSessions';
import { LinkedProvider } from '../components/LinkedProvider';
import { SecondFactor } from '../components/SecondFactor';
import { PasswordForm } from '../forms/PasswordForm';
import { useMe } from '../hooks/useProject';
import { Panel } from '../ui/Panel';

/** One's own account: where it is signed in, its password, its second factor. */
export function SecurityPage() {
  const me = useMe();
  return (
    <Stack gap="md">
      <OpenSessions />
      <LinkedProvider />
      {!me?.single_sign_on && (
        <>
          <SecondFactor />
          <Panel title="Password">
            <PasswordForm />
          </Panel>
        </>
      )}
      <Panel title="Membership">
        <LeaveTenant />
      </Panel>
    </Stack>
  );
}
