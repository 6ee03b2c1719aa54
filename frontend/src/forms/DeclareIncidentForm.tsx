import { Button, Group, Radio, Stack, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { declareIncident } from '../api/incidents';
import { SEVERITIES, type Incident, type Severity } from '../api/types';
import { SeverityBadge } from '../components/SeverityBadge';
import { useProblemForm } from '../hooks/useProblemForm';
import { useMe, useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { draftOf, keepDraft } from '../util/drafts';
import { isFilled } from './checks';

const GUIDE: Record<Severity, string> = {
  SEV1: 'Customers cannot use the product, or data is at risk',
  SEV2: 'A main function is broken for many',
  SEV3: 'Degraded, with a way around it',
  SEV4: 'Noticed, not felt by customers',
};

interface Values {
  title: string;
  severity: Severity;
  description: string;
}

const EMPTY: Values = { title: '', severity: 'SEV2', description: '' };

interface DeclareIncidentFormProps {
  onDone: (incident: Incident) => void | Promise<void>;
  onCancel: () => void;
}

/** What is typed stays until it is declared or cancelled, also where the page is left or the session ends meanwhile. */
export function DeclareIncidentForm({ onDone, onCancel }: DeclareIncidentFormProps) {
  const draft = `declare:${useMe()?.user.id ?? ''}:${useProject()}`;
  const form = useForm<Values>({
    initialValues: begun(draft),
    validate: { title: isFilled('Say in a few words what is wrong') },
    onValuesChange: (values) => keepDraft(draft, JSON.stringify(values)),
  });
  const cancel = () => {
    keepDraft(draft, '');
    onCancel();
  };
  const { submit, pending, problem } = useProblemForm(
    form,
    ({ title, severity, description }) =>
      declareIncident({ title: title.trim(), severity, ...(description.trim() && { description }) }),
    (incident) => {
      keepDraft(draft, '');
      return onDone(incident);
    },
    cancel,
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {problem && <ProblemAlert problem={problem} />}
        <TextInput
          label="What is wrong?"
          placeholder="Checkout answers 502 for a third of requests"
          maxLength={300}
          autoFocus
          {...form.getInputProps('title')}
        />
        <Radio.Group label="Severity" {...form.getInputProps('severity')}>
          <Stack gap={6} mt={6}>
            {SEVERITIES.map((severity) => (
              <Radio
                key={severity}
                size="xs"
                value={severity}
                label={
                  <Group gap="xs" wrap="nowrap" component="span">
                    <SeverityBadge severity={severity} />
                    <span className="dim">{GUIDE[severity]}</span>
                  </Group>
                }
              />
            ))}
          </Stack>
        </Radio.Group>
        <Textarea
          label="What do you know so far?"
          description="Optional; the timeline is there for everything that follows"
          autosize
          minRows={3}
          maxRows={12}
          {...form.getInputProps('description')}
        />
        <Group justify="flex-end" gap="xs">
          <Button size="sm" variant="default" onClick={cancel}>
            Cancel
          </Button>
          <Button size="sm" type="submit" loading={pending}>
            Declare incident
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function begun(draft: string): Values {
  try {
    return { ...EMPTY, ...(JSON.parse(draftOf(draft)) as Partial<Values>) };
  } catch {
    return EMPTY;
  }
}
