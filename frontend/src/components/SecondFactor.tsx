import { Button, Group, Image, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import {
  confirmSecondFactor,
  disableSecondFactor,
  proposeSecondFactor,
  renewRecoveryCodes,
  secondFactorQuery,
} from '../api/account';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import type { components } from '../api/schema';
import { AskFirst } from '../ui/AskFirst';
import { CodeBlock } from '../ui/CodeBlock';
import { Dialog } from '../ui/Dialog';
import { Panel } from '../ui/Panel';
import { ProblemAlert } from '../ui/ProblemAlert';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { useProof } from './useProof';

type Proposed = components['schemas']['ProposedFactor'];

/** A code of an app besides the password: turned on, off, and recovered. */
export function SecondFactor() {
  const client = useQueryClient();
  const query = useQuery(secondFactorQuery);
  const { proven, dialog } = useProof();
  const [proposed, setProposed] = useState<Proposed | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [asking, setAsking] = useState<Ending | null>(null);
  const refetch = () => client.invalidateQueries({ queryKey: keys.secondFactor });
  const begin = useMutation({ mutationFn: () => proven(proposeSecondFactor), onSuccess: setProposed });
  const disable = useMutation({ mutationFn: () => proven(disableSecondFactor), onSettled: refetch });
  const renew = useMutation({
    mutationFn: () => proven(renewRecoveryCodes),
    onSuccess: ({ recovery_codes }) => setCodes(recovery_codes),
    onSettled: refetch,
  });
  const failed = begin.error ?? disable.error ?? renew.error;
  return (
    <Panel title="Second factor">
      {failed && <ProblemAlert problem={asProblem(failed)} />}
      <QueryView query={query} skeleton={<RowSkeleton rows={1} height={41} />}>
        {(factor) =>
          factor.enabled ? (
            <Group justify="space-between">
              <Text size="sm">
                On: logging in needs a code of your app. {factor.recovery_codes_left} recovery codes are left.
              </Text>
              <Group gap="xs">
                <Button variant="default" loading={renew.isPending} onClick={() => setAsking('codes')}>
                  New recovery codes
                </Button>
                <Button variant="default" loading={disable.isPending} onClick={() => setAsking('factor')}>
                  Turn off
                </Button>
              </Group>
            </Group>
          ) : (
            <Group justify="space-between">
              <Text size="sm">Off. With it, a stolen password alone opens nothing.</Text>
              <Button loading={begin.isPending} onClick={() => begin.mutate()}>
                Turn on
              </Button>
            </Group>
          )
        }
      </QueryView>
      {asking && (
        <AskFirst
          title={ENDINGS[asking].title}
          act={ENDINGS[asking].act}
          onCancel={() => setAsking(null)}
          onGoOn={() => {
            setAsking(null);
            if (asking === 'codes') renew.mutate();
            else disable.mutate();
          }}
        >
          {ENDINGS[asking].text}
        </AskFirst>
      )}
      {dialog}
      <Dialog opened={proposed !== null} onClose={() => setProposed(null)} title="Turn on the second factor" holds="form">
        {proposed && (
          <Confirm
            proposed={proposed}
            onConfirmed={(recovery) => {
              setProposed(null);
              setCodes(recovery);
              void refetch();
            }}
          />
        )}
      </Dialog>
      <Dialog opened={codes !== null} onClose={() => setCodes(null)} title="Recovery codes" holds="secret">
        {codes && <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />}
      </Dialog>
    </Panel>
  );
}

/** What ends: the codes that somebody has kept, or all of it. */
type Ending = 'codes' | 'factor';

const ENDINGS: Record<Ending, { title: string; text: string; act: string }> = {
  codes: {
    title: 'New recovery codes',
    text: 'The codes that you have kept stop working at once. The new ones are shown this once.',
    act: 'Make new codes',
  },
  factor: {
    title: 'Turn off the second factor',
    text: 'Your password alone opens your account then, and your recovery codes end.',
    act: 'Turn off',
  },
};

function Confirm({ proposed, onConfirmed }: { proposed: Proposed; onConfirmed: (codes: readonly string[]) => void }) {
  const [code, setCode] = useState('');
  const confirm = useMutation({
    mutationFn: () => confirmSecondFactor(code.trim()),
    onSuccess: ({ recovery_codes }) => onConfirmed(recovery_codes),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <Stack gap="sm">
        <Text size="sm">Scan this with your authenticator app, then enter the code that it shows.</Text>
        <Image
          src={`data:image/svg+xml,${encodeURIComponent(proposed.qr_svg)}`}
          alt="QR code of the second factor"
          w={200}
          h={200}
          mx="auto"
        />
        <CodeBlock name="Secret, to type instead" text={proposed.secret} />
        {confirm.error && <ProblemAlert problem={asProblem(confirm.error)} />}
        <TextInput
          label="Code"
          inputMode="numeric"
          autoComplete="one-time-code"
          data-autofocus
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={confirm.isPending} disabled={code.trim() === ''}>
            Turn on
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  return (
    <Stack gap="sm">
      <Text size="sm">Keep these where your device is not. Each stands in for a code once. They are shown this once.</Text>
      <CodeBlock name="Recovery codes" text={codes.join('\n')} />
      <Group justify="flex-end">
        <Button onClick={onDone}>I have kept them</Button>
      </Group>
    </Stack>
  );
}
