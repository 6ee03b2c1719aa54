import { Stack } from '@mantine/core';
import { LeaveTenant } from '../components/LeaveTenant';
import { OpenSessions } from '../components/OpenSessions';
import { SecondFactor } from '../components/SecondFactor';
import { PasswordForm } from '../forms/PasswordForm';
import { Panel } from '../ui/Panel';

/** One's own account: where it is signed in, its password, its second factor. */
export function SecurityPage() {
  return (
    <Stack gap="md">
      <OpenSessions />
      <SecondFactor />
      <Panel title="Password">
        <PasswordForm />
      </Panel>
      <Panel title="Membership">
        <LeaveTenant />
      </Panel>
    </Stack>
  );
}
