import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { createProject, renameProject } from '../api/tenant';
import type { Project } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isFilled } from './checks';

/** Creates a project, or renames the one it is given. */
export function ProjectForm({ project, onDone }: { project?: Project | undefined; onDone: () => void }) {
  const client = useQueryClient();
  const current = useProject();
  const form = useForm({
    initialValues: { name: project?.name ?? '' },
    validate: { name: isFilled('Enter a name') },
  });
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ name }) => atTheName(project ? renameProject(project.id, name.trim()) : createProject(name.trim())),
    async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.projects(current) });
      await client.invalidateQueries({ queryKey: keys.me });
    },
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput label="Name" placeholder="staging" data-autofocus {...form.getInputProps('name')} />
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            {project ? 'Rename' : 'Create project'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The slug is made of the name. */
const OF_THE_NAME = ['name_taken', 'slug_taken'];

/** That a name belongs to another project is told where it was typed. */
async function atTheName(sent: Promise<void>): Promise<void> {
  try {
    await sent;
  } catch (cause) {
    const problem = asProblem(cause);
    throw OF_THE_NAME.includes(problem.rule ?? '') ? problem.at('name') : cause;
  }
}
