import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconInfoCircle } from '@tabler/icons-react';
import { useState } from 'react';
import { findSignOn, lastSignOn, rememberSignOn, signOnPath, type SignOnPlace } from '../api/single-sign-on';
import { useProblemForm } from '../hooks/useProblemForm';
import { Callout } from '../ui/Callout';
import { ProblemAlert } from '../ui/ProblemAlert';
import { isEmail } from './checks';

/**
 * Signing in by an organisation's own provider. Before the browser leaves, its holder sees where to: anybody can list
 * somebody else's domain.
 */
export function SignOnForm({ returnTo }: { returnTo: string | undefined }) {
  const [asking, setAsking] = useState(false);
  const [place, setPlace] = useState<SignOnPlace | null>(lastSignOn);
  if (place) return <Leave place={place} returnTo={returnTo} onOther={() => setPlace(null)} />;
  if (asking) return <Find onFound={setPlace} />;
  return (
    <Button variant="default" size="sm" onClick={() => setAsking(true)}>
      Continue with SSO
    </Button>
  );
}

function Leave({ place, returnTo, onOther }: { place: SignOnPlace; returnTo: string | undefined; onOther: () => void }) {
  return (
    <Stack gap={4}>
      <Button
        component="a"
        variant="default"
        size="sm"
        href={signOnPath(place.tenant_id, returnTo ? { returnTo } : {})}
        onClick={() => rememberSignOn(place)}
      >
        Continue at {place.provider}
      </Button>
      <Group justify="center">
        <Button variant="subtle" size="compact-xs" onClick={onOther}>
          Another organisation
        </Button>
      </Group>
    </Stack>
  );
}

function Find({ onFound }: { onFound: (place: SignOnPlace) => void }) {
  const form = useForm({ initialValues: { work_email: '' }, validate: { work_email: isEmail } });
  const { submit, pending, problem } = useProblemForm(form, ({ work_email }) => findSignOn(work_email.trim()), onFound);
  const unknown = problem?.status === 404;
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {problem && !unknown && <ProblemAlert problem={problem} />}
        {unknown && (
          <Callout tone="neutral" role="alert" icon={<IconInfoCircle size={16} />} title="No provider is known for this address">
            <Text size="sm">Use the sign-in link of your organisation, or your password.</Text>
          </Callout>
        )}
        <TextInput
          label="Work e-mail"
          description="Its domain leads to your organisation’s provider"
          type="email"
          autoComplete="email"
          autoFocus
          {...form.getInputProps('work_email')}
        />
        <Button type="submit" variant="default" size="sm" loading={pending}>
          Find my organisation
        </Button>
      </Stack>
    </form>
  );
}
