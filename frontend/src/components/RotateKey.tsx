import { Button, Group, Modal, Select, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { rotateApiKey } from '../api/tenant';
import type { ApiKey } from '../api/types';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { NewKey } from './NewKey';

const OVERLAPS = [
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
  return (
    <Modal opened onClose={onClose} title={rotate.data ? 'Key rotated' : `Rotate ${apiKey.name}`}>
      {rotate.data ? (
        <NewKey created={rotate.data} onDone={onClose} />
      ) : (
        <Stack gap="sm">
          <Text size="sm">
            A new key with the same scopes takes the place of <span className="mono">{apiKey.prefix}…</span>, which ends by
            itself when the agents have the new one.
          </Text>
          {rotate.error && <ProblemAlert problem={asProblem(rotate.error)} />}
          <Select label="The old key still works for" data={OVERLAPS} value={hours} allowDeselect={false} onChange={(value) => value && setHours(value)} />
          <Group justify="flex-end">
            <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>
              Rotate key
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
