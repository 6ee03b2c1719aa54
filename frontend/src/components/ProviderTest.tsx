import { Button, Group, Text } from '@mantine/core';
import { IconCheck, IconAlertTriangle } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { asProblem } from '../api/problem';
import { testProvider, type TestedProvider } from '../api/single-sign-on';
import { Callout } from '../ui/Callout';
import { ProblemAlert } from '../ui/ProblemAlert';

/** Whether a provider can be used, before anybody depends on it. */
export function ProviderTest({ issuer }: { issuer: string }) {
  const test = useMutation({ mutationFn: () => testProvider(issuer) });
  const problem = test.error ? asProblem(test.error) : null;
  const field = problem?.fields['issuer'];
  return (
    <>
      <Group>
        <Button variant="default" size="compact-sm" disabled={!issuer.trim()} loading={test.isPending} onClick={() => test.mutate()}>
          Test provider
        </Button>
      </Group>
      {field && <Outcome title="The provider cannot be used" text={`The address ${field}.`} />}
      {problem && !field && <ProblemAlert problem={problem} />}
      {test.data && !test.data.ok && <Outcome title="The provider cannot be used" text={sentence(test.data.problem)} />}
      {test.data?.ok && <Works found={test.data} />}
    </>
  );
}

function Outcome({ title, text }: { title: string; text: string }) {
  return (
    <Callout tone="bad" role="alert" icon={<IconAlertTriangle size={16} />} title={title}>
      <Text size="sm">{text}</Text>
    </Callout>
  );
}

function Works({ found }: { found: TestedProvider }) {
  return (
    <Callout tone="good" role="status" icon={<IconCheck size={16} />} title="The provider answers">
      <Text size="sm">
        People sign in at {found.authorization_host}; its tokens are signed with {found.algorithms.join(', ')} and{' '}
        {found.keys} {found.keys === 1 ? 'key' : 'keys'}.{' '}
        {!found.offers_refresh_tokens &&
          'It does not say that it gives refresh tokens; without them people sign in again each quarter of an hour. '}
        Whether client id and secret are right shows when somebody signs in.
      </Text>
    </Callout>
  );
}

function sentence(text: string | null | undefined): string {
  if (!text) return 'It gave no reason.';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
