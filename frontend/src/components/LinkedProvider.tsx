import { Button, Group, Text } from '@mantine/core';
import { signOnPath } from '../api/single-sign-on';
import { useMe, useProject } from '../hooks/useProject';
import { Panel } from '../ui/Panel';

/** One's own account and the organisation's provider; nothing where it has none. */
export function LinkedProvider() {
  const me = useMe();
  const project = useProject();
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
          <Button component="a" variant="default" href={signOnPath(me.tenant.id, { returnTo, link: true })}>
            Link my account
          </Button>
        </Group>
      )}
    </Panel>
  );
}
