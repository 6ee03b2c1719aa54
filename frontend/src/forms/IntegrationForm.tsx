import { Button, Group, PasswordInput, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import {
  changeIntegration,
  createIntegration,
  type CredentialGiven,
  type MonitoringIntegration,
  type MonitoringKind,
} from '../api/monitoring';
import { useIntegrationWrite } from '../hooks/useIntegrationWrite';
import { useProblemForm } from '../hooks/useProblemForm';
import { useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { KIND_NAMES, KINDS } from '../util/monitoring';
import { isolated } from '../util/prose';
import { isFilled } from './checks';

type Shown = 'keep' | CredentialGiven['kind'];

interface Values {
  name: string;
  kind: MonitoringKind;
  url: string;
  ca_certificate: string;
  shown: Shown;
  credential: { username: string; password: string; token: string; headers: string };
}

const SHOWN_TEXT: Record<Shown, string> = {
  keep: 'As it is',
  none: 'Nothing',
  basic: 'User name and password',
  bearer: 'A token',
  headers: 'Headers of my choice',
};

/** A new monitoring server, or what may change of one; its name has a form of its own. A credential can be set and never read. */
export function IntegrationForm({ before, onDone }: { before?: MonitoringIntegration; onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const form = useForm<Values>({
    initialValues: {
      name: before?.name ?? '',
      kind: before?.kind ?? 'prometheus',
      url: before?.url ?? '',
      ca_certificate: before?.ca_certificate ?? '',
      shown: before?.credential ? 'keep' : 'none',
      credential: { username: '', password: '', token: '', headers: '' },
    },
    validate: { name: isFilled('Name it as your team calls it'), url: isFilled('Say where it is') },
  });
  const { since, theirs, sent } = useIntegrationWrite(before);
  const { submit, pending, problem } = useProblemForm(
    form,
    (values) => sent(() => send(values, since)),
    async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.monitoring(project) });
    },
  );
  const { kind, shown, url } = form.getValues();
  const open = url.startsWith('http://') && shown !== 'none';
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && <ProblemAlert problem={problem} />}
        {theirs && (
          <Text size="sm" role="status">
            It is {KINDS[theirs.kind].label} at {isolated(theirs.url)} by now. Saving replaces that with what stands here.
          </Text>
        )}
        {!before && <TextInput label="Name" placeholder="Prometheus of the shop" data-autofocus {...form.getInputProps('name')} />}
        <Select
          label="Kind"
          data={KIND_NAMES.map((value) => ({ value, label: KINDS[value].label }))}
          allowDeselect={false}
          {...form.getInputProps('kind')}
        />
        <TextInput label="Address" description={KINDS[kind].help} placeholder={KINDS[kind].example} {...form.getInputProps('url')} />
        <Select
          label="Credential"
          description={open ? 'The address begins with http: whoever is in between can read the credential.' : 'Kept sealed; nobody can read it again.'}
          data={choices(before).map((value) => ({ value, label: SHOWN_TEXT[value] }))}
          allowDeselect={false}
          {...form.getInputProps('shown')}
        />
        {shown === 'basic' && (
          <>
            <TextInput label="User name" autoComplete="off" {...form.getInputProps('credential.username')} />
            <PasswordInput label="Password" autoComplete="new-password" {...form.getInputProps('credential.password')} />
          </>
        )}
        {shown === 'bearer' && <PasswordInput label="Token" autoComplete="new-password" {...form.getInputProps('credential.token')} />}
        {shown === 'headers' && (
          <Textarea
            label="Headers"
            description="One a line, as in X-Scope-OrgID: team-a"
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            autosize
            minRows={2}
            autoComplete="off"
            {...form.getInputProps('credential.headers')}
          />
        )}
        {url.startsWith('https://') && (
          <Textarea
            label="Its authority"
            description="A certificate in PEM that is believed instead of the system's; empty where the system knows who signed it"
            placeholder="-----BEGIN CERTIFICATE-----"
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            autosize
            minRows={2}
            maxRows={6}
            {...form.getInputProps('ca_certificate')}
          />
        )}
        <Group justify="flex-end">
          <Button size="sm" type="submit" loading={pending}>
            {before ? 'Save' : 'Add integration'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function choices(before: MonitoringIntegration | undefined): Shown[] {
  const all: Shown[] = ['none', 'basic', 'bearer', 'headers'];
  return before?.credential ? ['keep', ...all] : all;
}

function send(values: Values, before: MonitoringIntegration | undefined): Promise<void> {
  const { name, kind, url } = values;
  const credential = credentialOf(values);
  const certificate = url.startsWith('https://') ? values.ca_certificate.trim() : '';
  const settings = { kind, url: url.trim(), ca_certificate: certificate || null, ...(credential && { credential }) };
  return before ? changeIntegration(before, settings) : createIntegration({ name, ...settings });
}

function credentialOf(values: Values): CredentialGiven | undefined {
  const { username, password, token, headers } = values.credential;
  switch (values.shown) {
    case 'keep':
      return undefined;
    case 'none':
      return { kind: 'none' };
    case 'basic':
      return { kind: 'basic', username, password };
    case 'bearer':
      return { kind: 'bearer', token: token.trim() };
    case 'headers':
      return { kind: 'headers', headers: headersOf(headers) };
  }
}

export function headersOf(text: string): { name: string; value: string }[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [name = '', ...value] = line.split(':');
    return { name: name.trim(), value: value.join(':').trim() };
  });
}
