import { Button, Group, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { askTenantErasure } from '../api/tenant';
import { useMe } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';
import { absoluteTime } from '../util/time';
import { useProof } from './useProof';

/** The end of the organisation: asked for here, called off in the notice over every page. */
export function TenantErasure() {
  const client = useQueryClient();
  const me = useMe();
  const [asking, setAsking] = useState(false);
  const { proven, dialog } = useProof();
  const { name, erasure } = me?.tenant ?? { name: '' };
  const ask = useMutation({
    mutationFn: () => proven(() => askTenantErasure(name)),
    onSuccess: async () => {
      setAsking(false);
      await client.invalidateQueries({ queryKey: keys.me });
    },
  });
  if (erasure) {
    return <Text size="sm">Everything of {name} is erased on {absoluteTime(erasure.due_at)}, unless an owner calls it off.</Text>;
  }
  return (
    <Group justify="space-between" align="flex-start" gap="sm">
      <Text size="sm" style={{ flex: '1 1 320px' }}>
        Erases the organisation and everything that is known of it: projects, incidents, telemetry, keys, members and the
        audit trail. Until the grace is over all goes on, and any owner can call it off; afterwards nothing brings it back.
      </Text>
      <Button variant="default" onClick={() => setAsking(true)}>
        Erase organisation
      </Button>
      <ConfirmByName
        opened={asking}
        title="Erase organisation"
        name={name}
        act="Erase organisation"
        pending={ask.isPending}
        problem={ask.error ? asProblem(ask.error) : null}
        onConfirm={() => ask.mutate()}
        onClose={() => {
          ask.reset();
          setAsking(false);
        }}
      >
        When the grace is over, <strong>{name}</strong> ends for every member and every agent, and all of it is erased for
        ever. Accounts that belong to no other organisation are erased with it. Take an export first if you want to keep
        something.
      </ConfirmByName>
      {dialog}
    </Group>
  );
}
