import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { createApiKey, serviceAccountsQuery } from '../api/tenant';
import type { CreatedApiKey, KeyScope } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isFilled } from './checks';
import { KeyScopes } from './KeyScopes';

const DAY_MS = 86_400_000;
const LIFETIMES = [
  { value: '', label: 'Never' },
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
];

export function ApiKeyForm({ onDone }: { onDone: (created: CreatedApiKey) => void }) {
  const client = useQueryClient();
  const project = useProject();
  const accounts = (useQuery(serviceAccountsQuery(project)).data ?? []).filter(({ disabled_at }) => !disabled_at);
  const form = useForm<{ name: string; scopes: KeyScope[]; days: string; account: string }>({
    initialValues: { name: '', scopes: ['ingest'], days: '', account: '' },
    validate: {
      name: isFilled('Name it after what will use it'),
      scopes: (value) => (value.length > 0 ? null : 'Choose at least one'),
    },
  });
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ name, scopes, days, account }) =>
      createApiKey({
        name: name.trim(),
        scopes,
        ...(days && { expires_at: expiry(Number(days)) }),
        ...(account && { service_account_id: account }),
      }),
    async (created) => {
      onDone(created);
      await client.invalidateQueries({ queryKey: keys.apiKeys(project) });
    },
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="Name" placeholder="alertmanager-eu" data-autofocus {...form.getInputProps('name')} />
        <KeyScopes {...form.getInputProps('scopes')} />
        <Select label="Expires" data={LIFETIMES} allowDeselect={false} {...form.getInputProps('days')} />
        {accounts.length > 0 && (
          <Select
            label="Service account"
            data={[{ value: '', label: 'None' }, ...accounts.map(({ id, name }) => ({ value: id, label: name }))]}
            allowDeselect={false}
            {...form.getInputProps('account')}
          />
        )}
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Create key
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function expiry(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString();
}
