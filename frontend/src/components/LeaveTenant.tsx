import { Button, Group, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { leaveTenant } from '../api/auth';
import { asProblem } from '../api/problem';
import { useMe } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';

/** Going by oneself. */
export function LeaveTenant() {
  const me = useMe();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const leave = useMutation({
    mutationFn: leaveTenant,
    onSuccess: async () => {
      await navigate({ to: '/login' });
      client.clear();
    },
  });
  if (!me) return null;
  const name = me.tenant.name;
  return (
    <Group justify="space-between">
      <Text size="sm">What you did in {name} stays; you see nothing of it any more.</Text>
      <Button variant="default" onClick={() => setAsking(true)}>
        Leave {name}
      </Button>
      <ConfirmByName
        opened={asking}
        title="Leave organisation"
        name={name}
        act="Leave"
        pending={leave.isPending}
        problem={leave.error ? asProblem(leave.error) : null}
        onConfirm={() => leave.mutate()}
        onClose={() => {
          leave.reset();
          setAsking(false);
        }}
      >
        You lose access to <strong>{name}</strong> at once. Only an invitation brings you back.
      </ConfirmByName>
    </Group>
  );
}
