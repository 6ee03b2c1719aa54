import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { renameIntegration, type MonitoringIntegration } from '../api/monitoring';
import { useIntegrationWrite } from '../hooks/useIntegrationWrite';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isolated } from '../util/prose';
import { isFilled } from './checks';

/** Another name for a monitoring server; all else stays as it is. */
export function RenameIntegrationForm({ before, onDone }: { before: MonitoringIntegration; onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const form = useForm({
    initialValues: { name: before.name },
    validate: { name: isFilled('Name it as your team calls it') },
  });
  const { since = before, theirs, sent } = useIntegrationWrite(before);
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ name }) => sent(() => renameIntegration(since, name.trim())),
    async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.monitoring(project) });
    },
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        {theirs && (
          <Text size="sm" role="status">
            Its name is {isolated(theirs.name)} by now.
          </Text>
        )}
        <TextInput label="Name" data-autofocus {...form.getInputProps('name')} />
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Rename
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
