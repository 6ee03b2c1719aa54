import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { createServiceAccount } from '../api/tenant';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isFilled } from './checks';

export function ServiceAccountForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const form = useForm({
    initialValues: { name: '', description: '' },
    validate: { name: isFilled('Name it after the program') },
  });
  const { submit, pending, problem } = useProblemForm(form, createServiceAccount, async () => {
    onDone();
    await client.invalidateQueries({ queryKey: keys.serviceAccounts(project) });
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="Name" placeholder="deploys" data-autofocus {...form.getInputProps('name')} />
        <TextInput label="What it does" placeholder="The pipeline of the shop" {...form.getInputProps('description')} />
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Create account
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
