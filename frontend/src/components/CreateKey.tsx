import { Button, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { createApiKey } from '../api/tenant';
import type { CreatedApiKey } from '../api/types';
import { useMe, useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { NewKey } from './NewKey';

interface CreateKeyProps {
  /** What the key is for; becomes its name. */
  name: string;
  created: CreatedApiKey | null;
  onCreated: (key: CreatedApiKey) => void;
  children: React.ReactNode;
}

/** A key with scope ingest, made on the spot and shown once. */
export function CreateKey({ name, created, onCreated, children }: CreateKeyProps) {
  const client = useQueryClient();
  const project = useProject();
  const mayCreate = may(useMe(), 'api_key.manage');
  const create = useMutation({
    mutationFn: () => createApiKey({ name, scopes: ['ingest'] }),
    onSuccess: async (key) => {
      onCreated(key);
      await client.invalidateQueries({ queryKey: keys.apiKeys(project) });
    },
  });
  if (created) return <NewKey created={created} />;
  return (
    <Stack gap="sm" align="flex-start">
      <p className="dim" style={{ margin: 0 }}>
        {children}
      </p>
      {create.error && <ProblemAlert problem={asProblem(create.error)} retry={() => create.mutate()} />}
      <Button size="sm" loading={create.isPending} disabled={!mayCreate} onClick={() => create.mutate()}>
        Create key
      </Button>
      {!mayCreate && (
        <p className="dim" style={{ margin: 0 }}>
          Only owners and admins create keys: ask one of them for a key with scope ingest.
        </p>
      )}
    </Stack>
  );
}
