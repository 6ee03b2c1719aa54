import { Button, Group, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { renameTenant } from '../api/tenant';
import { useProblemForm } from '../hooks/useProblemForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isFilled } from './checks';

/** The organisation's name. */
export function TenantForm({ name }: { name: string }) {
  const client = useQueryClient();
  const form = useForm({ initialValues: { name }, validate: { name: isFilled('Enter a name') } });
  const { submit, pending, problem } = useProblemForm(
    form,
    (values) => renameTenant(values.name.trim()),
    () => client.invalidateQueries({ queryKey: keys.me }),
  );
  return (
    <form onSubmit={submit} noValidate>
      {problem && <ProblemAlert problem={problem} />}
      <Group align="flex-end" gap="sm">
        <TextInput label="Name of the organisation" style={{ flex: 1 }} {...form.getInputProps('name')} />
        <Button type="submit" variant="default" loading={pending} disabled={form.values.name.trim() === name}>
          Rename
        </Button>
      </Group>
    </form>
  );
}
