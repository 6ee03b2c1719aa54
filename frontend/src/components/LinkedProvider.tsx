import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { signOnPath } from '../api/single-sign-on';
import { useMe, useProject } from '../hooks/useProject';
import { Panel } from '../ui/Panel';
import { ProofDialog } from './ProofDialog';

/**
 * One's own account and the organisation's provider; nothing where it has none. Whoever is linked comes in from then on, so
 * a link needs a proof of who one is.
 */
export function LinkedProvider() {
  const me = useMe();
  const project = useProject();
  const [proving, setProving] = useState(false);
  if (!me?.has_provider) return null;
  const returnTo = `/p/${project}/settings/security`;
  return (
    <Panel title="Single sign-on">
      {me.single_sign_on ? (
        <Text size="sm">
          You are signed in by the provider of {me.tenant.name}. This session reaches {me.tenant.name} only; password and
          second factor are the provider’s.
        </Text>
      ) : (
        <Group justify="space-between">
          <Text size="sm">Link your account, and you can sign in by the provider of {me.tenant.name} too.</Text>
          <Button variant="default" onClick={() => setProving(true)}>
            Link my account
          </Button>
        </Group>
      )}
      {proving && (
        <ProofDialog
          onProven={() => window.location.assign(signOnPath(me.tenant.id, { returnTo, link: true }))}
          onClose={() => setProving(false)}
        />
      )}
    </Panel>
  );
}
