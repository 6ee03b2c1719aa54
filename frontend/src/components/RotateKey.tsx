import { Button, Group, Select, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { rotateApiKey } from '../api/tenant';
import type { ApiKey } from '../api/types';
import { useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { Dialog } from '../ui/Dialog';
import { ProblemAlert } from '../ui/ProblemAlert';
import { NewKey } from './NewKey';

const AT_ONCE = '0';

const OVERLAPS = [
  { value: AT_ONCE, label: 'not at all: it ends at once' },
  { value: '1', label: 'an hour' },
  { value: '24', label: 'a day' },
  { value: '168', label: 'a week' },
];

/** A new secret for a key, shown once, while the old one still works. */
export function RotateKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const [hours, setHours] = useState('24');
  const rotate = useMutation({
    mutationFn: () => rotateApiKey(apiKey.id, Number(hours)),
    onSettled: () => client.invalidateQueries({ queryKey: keys.apiKeys(project) }),
  });
  // Whoever leaves while it is under way would never see the new key.
  const holds = rotate.data || rotate.isPending ? 'secret' : undefined;
  return (
    <Dialog
      opened
      onClose={onClose}
      title={rotate.data ? 'Key rotated' : `Rotate ${apiKey.name}`}
      holds={holds}
    >
      {rotate.data ? (
        <NewKey created={rotate.data} onDone={onClose} />
      ) : (
        <Stack gap="sm">
          <Text size="sm">
            A new key with the same scopes takes the place of <span className="mono">{apiKey.prefix}…</span>, which ends by
            itself: give the new one to your agents until then.
          </Text>
          {rotate.error && <ProblemAlert problem={asProblem(rotate.error)} />}
          <Select label="The old key still works for" data={OVERLAPS} value={hours} allowDeselect={false} onChange={(value) => value && setHours(value)} />
          {hours === AT_ONCE && (
            <Callout tone="warn" role="status" icon={<IconAlertTriangle size={16} />} title="The old key ends at once">
              <p>
                For a key that leaked. Whatever still has it is refused until it has the new one, and agents that keep nothing
                back lose what they send meanwhile.
              </p>
            </Callout>
          )}
          <Group justify="flex-end">
            <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>
              Rotate key
            </Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  );
}
