import { Button, Group, Stack, Text } from '@mantine/core';
import { IconKey, IconLock } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may, meQuery } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { removeSingleSignOn, singleSignOnQuery } from '../api/single-sign-on';
import type { SignOnProvider, SingleSignOn } from '../api/types';
import { useProof } from '../components/useProof';
import { SingleSignOnForm } from '../forms/SingleSignOnForm';
import { useMe, useProject } from '../hooks/useProject';
import { CodeBlock } from '../ui/CodeBlock';
import { ConfirmByName } from '../ui/ConfirmByName';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { actorName } from '../util/actor';
import { draftOf, keepDraft } from '../util/drafts';
import { signOnDraft } from '../util/sign-on';

/** By which provider the organisation's members sign in, and what its groups are here. */
export function SingleSignOnPage() {
  const me = useMe();
  if (!may(me, 'single_sign_on.manage')) {
    return (
      <Panel title="Single sign-on">
        <EmptyState icon={<IconLock size={20} />} title="Owners and admins set this up">
          Your own account’s link with the provider is under Your security.
        </EmptyState>
      </Panel>
    );
  }
  return <Settings />;
}

function Settings() {
  const query = useQuery(singleSignOnQuery(useProject()));
  const draft = signOnDraft(useMe());
  // Back from a proof at the provider, what was typed before is gone on with.
  const [editing, setEditing] = useState(() => draftOf(draft) !== '');
  const [removing, setRemoving] = useState(false);
  const provider = query.data?.provider ?? null;
  const close = () => {
    keepDraft(draft, '');
    setEditing(false);
  };
  return (
    <Stack gap="md">
      <Panel
        title="Single sign-on"
        flush={provider !== null}
        actions={
          query.data && (
            <Group gap="xs">
              {provider && (
                <Button variant="default" onClick={() => setRemoving(true)}>
                  Remove
                </Button>
              )}
              <Button onClick={() => setEditing(true)}>{provider ? 'Change' : 'Set up'}</Button>
            </Group>
          )
        }
      >
        <QueryView query={query} skeleton={<RowSkeleton rows={6} height={41} />}>
          {({ provider }) => (provider ? <Provider provider={provider} /> : <None />)}
        </QueryView>
        <Dialog opened={editing && query.data !== undefined} onClose={close} title="Single sign-on" size="lg" holds="form" begun={draftOf(draft) !== ''}>
          <SingleSignOnForm provider={provider} onDone={close} />
        </Dialog>
        <Removal provider={provider} opened={removing} onClose={() => setRemoving(false)} />
      </Panel>
      {query.data && <Addresses signOn={query.data} />}
    </Stack>
  );
}

function None() {
  return (
    <EmptyState icon={<IconKey size={20} />} title="Members log in with passwords">
      Register this installation as a client of your OpenID Connect provider with the redirect URI below, then set it up
      here.
    </EmptyState>
  );
}

function Addresses({ signOn }: { signOn: SingleSignOn }) {
  return (
    <Panel title="Addresses">
      <Stack gap="sm">
        <Text size="sm">What the provider must allow as the redirect URI of the client:</Text>
        <CodeBlock name="Redirect URI" text={signOn.redirect_uri} />
        <Text size="sm">Where it can say at once who has signed out there (back-channel logout):</Text>
        <CodeBlock name="Logout URI" text={signOn.logout_uri} />
        <Text size="sm">A link by which your people sign in, whatever their address:</Text>
        <CodeBlock name="Sign-in link" text={signOn.start_uri} />
      </Stack>
    </Panel>
  );
}

interface Row {
  name: string;
  value: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { id: 'name', header: 'Setting', width: 200, cell: (row) => row.name },
  { id: 'value', header: 'Value', cell: (row) => <span style={{ overflowWrap: 'anywhere' }}>{row.value}</span> },
];

function Provider({ provider }: { provider: SignOnProvider }) {
  return (
    <>
      <DataTable label="Single sign-on" columns={COLUMNS} rows={rowsOf(provider)} rowId={(row) => row.name} />
      <p className="dim" style={{ padding: '8px 16px', margin: 0 }}>
        Set by {actorName(provider.set_by)} <RelativeTime at={provider.set_at} />.
      </p>
    </>
  );
}

function rowsOf(provider: SignOnProvider): Row[] {
  const groups = provider.group_roles.map(({ group, role }) => `${group}: ${role}`);
  return [
    { name: 'Issuer', value: provider.issuer },
    { name: 'Client id', value: provider.client_id },
    { name: 'Client secret', value: provider.has_client_secret ? 'kept sealed' : 'none' },
    { name: 'Scopes', value: provider.scopes.join(' ') },
    { name: `Groups (${provider.groups_claim})`, value: groups.join(', ') || 'none have a role' },
    { name: 'Everybody else', value: provider.default_role ?? 'no access' },
    { name: 'E-mail domains', value: provider.email_domains.join(', ') || 'all' },
    { name: 'Become members by signing in', value: provider.just_in_time ? 'yes' : 'no' },
    { name: 'Context classes (acr)', value: provider.acr_values.join(', ') || 'any' },
    { name: 'Methods (amr)', value: provider.amr_values.join(', ') || 'any' },
    { name: 'Passwords', value: provider.password_login ? 'everybody' : 'owners only' },
  ];
}

function Removal({ provider, opened, onClose }: { provider: SignOnProvider | null; opened: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const { proven, dialog } = useProof();
  const remove = useMutation({
    mutationFn: () => proven(removeSingleSignOn),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: keys.singleSignOn(project) });
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
    },
  });
  if (!provider) return null;
  return (
    <>
      <ConfirmByName
        opened={opened}
        title="Remove single sign-on"
        name={provider.client_id}
        act="Remove"
        pending={remove.isPending}
        problem={remove.error ? asProblem(remove.error) : null}
        onConfirm={() => remove.mutate()}
        onClose={() => {
          remove.reset();
          onClose();
        }}
      >
        Everybody who signed in by <strong>{provider.issuer}</strong> is signed out at once. Those who have no password
        come back only when it is set up again.
      </ConfirmByName>
      {dialog}
    </>
  );
}
