import { Button, Group, NumberInput, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { setTelemetryLimits } from '../api/telemetry-limits';
import type { OwnTelemetryLimits, TelemetryAllowance } from '../api/types';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { LIMITS, limitText, type LimitName } from '../util/telemetry-limits';

/** What is empty is as the deployment says. */
type Values = Record<LimitName, number | ''>;

/** Sets all limits of the organisation. */
export function TelemetryLimitsForm({ allowance, onDone }: { allowance: TelemetryAllowance; onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const form = useForm<Values>({ initialValues: initial(allowance) });
  const { submit, pending, problem } = useProblemForm(
    form,
    (values) => setTelemetryLimits(own(values)),
    async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.telemetryLimits(project) });
    },
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        {LIMITS.map(({ name, label, unit, beyond }) => (
          <NumberInput
            key={name}
            label={`${label} (${unit})`}
            description={beyond}
            placeholder={`Default: ${limitText(allowance.limits[name].default, unit)}`}
            min={1}
            allowDecimal={false}
            thousandSeparator=" "
            {...form.getInputProps(name)}
          />
        ))}
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            Set limits
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function initial(allowance: TelemetryAllowance): Values {
  const value = (name: LimitName) => allowance.limits[name].own ?? '';
  return {
    active_series: value('active_series'),
    active_streams: value('active_streams'),
    labels_per_series: value('labels_per_series'),
    label_value_bytes: value('label_value_bytes'),
    bytes_per_second: value('bytes_per_second'),
  };
}

function own(values: Values): OwnTelemetryLimits {
  const set = (name: LimitName) => (values[name] === '' ? null : values[name]);
  return {
    active_series: set('active_series'),
    active_streams: set('active_streams'),
    labels_per_series: set('labels_per_series'),
    label_value_bytes: set('label_value_bytes'),
    bytes_per_second: set('bytes_per_second'),
  };
}
