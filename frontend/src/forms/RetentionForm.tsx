import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { setRetention, type RetentionRule } from '../api/telemetry';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { ProblemAlert } from '../ui/ProblemAlert';
import { daysText, keptNow, SIGNAL_TEXT, takesStreams } from '../util/retention';

export interface RetentionValues {
  signal: string;
  stream: string;
  days: string;
}

/** Sets one rule; of a rule that exists only the days can change. What it takes away is told before. */
export function RetentionForm({
  rule,
  rules,
  choices,
  onDone,
}: {
  rule: RetentionValues | undefined;
  rules: readonly RetentionRule[];
  choices: readonly number[];
  onDone: () => void;
}) {
  const client = useQueryClient();
  const project = useProject();
  const form = useForm<RetentionValues>({ initialValues: rule ?? { signal: 'logs', stream: '', days: '7' } });
  const { signal, stream, days } = form.getValues();
  const kept = keptNow(rules, signal, takesStreams(signal) ? stream.trim() : '');
  const { submit, pending, problem } = useProblemForm(
    form,
    (values) =>
      setRetention({
        signal: values.signal,
        stream: takesStreams(values.signal) ? values.stream : '',
        days: Number(values.days),
      }),
    async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.retention(project) });
    },
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        <Select
          label="Signal"
          data={Object.entries(SIGNAL_TEXT).map(([value, label]) => ({ value, label }))}
          allowDeselect={false}
          disabled={rule !== undefined}
          {...form.getInputProps('signal')}
        />
        {takesStreams(signal) && (
          <TextInput
            label={signal === 'metrics' ? 'Metric' : 'Service'}
            description="A name, or the beginning of one before a *; empty for all"
            placeholder="debug-*"
            disabled={rule !== undefined}
            {...form.getInputProps('stream')}
          />
        )}
        <Select
          label="Keep for"
          data={choices.map((days) => ({ value: String(days), label: daysText(days) }))}
          allowDeselect={false}
          {...form.getInputProps('days')}
        />
        {kept !== undefined && Number(days) < kept && (
          <Callout tone="warn" role="status" icon={<IconAlertTriangle size={16} />} title="What is older is deleted">
            <p>
              Until now it was kept for {daysText(kept)}. What is older than {daysText(Number(days))} is gone for good.
            </p>
          </Callout>
        )}
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Keep it so
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
