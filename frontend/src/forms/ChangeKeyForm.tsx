import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { changeApiKey } from '../api/tenant';
import type { ApiKey, KeyScope } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isFilled } from './checks';
import { KeyScopes } from './KeyScopes';

/** Another name or other scopes for a key; what uses it need not know. */
export function ChangeKeyForm({ before, onDone }: { before: ApiKey; onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const form = useForm<{ name: string; scopes: KeyScope[] }>({
    initialValues: { name: before.name, scopes: before.scopes as KeyScope[] },
    validate: {
      name: isFilled('Name it after what will use it'),
      scopes: (value) => (value.length > 0 ? null : 'Choose at least one'),
    },
  });
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ name, scopes }) => changeApiKey(before.id, { name: name.trim(), scopes }),
    async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.apiKeys(project) });
    },
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="Name" data-autofocus {...form.getInputProps('name')} />
        <KeyScopes {...form.getInputProps('scopes')} />
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
