import { ActionIcon, Badge, Button, Group, Stack } from '@mantine/core';
import { IconKey, IconLock, IconPencil, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { apiKeysQuery, revokeApiKey } from '../api/tenant';
import type { ApiKey, CreatedApiKey } from '../api/types';
import { HistoryLink } from '../components/HistoryLink';
import { NewKey } from '../components/NewKey';
import { RotateKey } from '../components/RotateKey';
import { RefusedWebhooks } from '../components/RefusedWebhooks';
import { ApiKeyForm } from '../forms/ApiKeyForm';
import { ChangeKeyForm } from '../forms/ChangeKeyForm';
import { useMe, useProject } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { stateOf } from '../util/key-state';
import { ServiceAccounts } from './ServiceAccounts';

export function ApiKeysPage() {
  if (!may(useMe(), 'api_key.read')) {
    return (
      <Panel title="API keys">
        <EmptyState icon={<IconLock size={20} />} title="Owners, admins and engineers see the keys" />
      </Panel>
    );
  }
  return <Keys />;
}

function Keys() {
  const query = useQuery(apiKeysQuery(useProject()));
  const mayWrite = may(useMe(), 'api_key.manage');
  const [creating, setCreating] = useState(false);
  const [created, setCreated] = useState<CreatedApiKey | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const [rotating, setRotating] = useState<ApiKey | null>(null);
  const [changing, setChanging] = useState<ApiKey | null>(null);
  const close = () => {
    setCreating(false);
    setCreated(null);
  };
  return (
    <Stack gap="md">
      <Panel
        title="API keys"
        count={query.data?.length}
        flush
        actions={
          mayWrite && (
            <Button leftSection={<IconPlus size={14} />} onClick={() => setCreating(true)}>
              Create key
            </Button>
          )
        }
      >
        <QueryView query={query} skeleton={<RowSkeleton rows={4} height={41} />}>
          {(rows) => (
            <KeyRows
              rows={rows}
              {...(mayWrite && { acts: { onRevoke: setRevoking, onRotate: setRotating, onChange: setChanging } })}
            />
          )}
        </QueryView>
        <Dialog
          opened={creating || created !== null}
          onClose={close}
          title={created ? 'Key created' : 'Create an API key'}
          holds={created ? 'secret' : 'form'}
        >
          {created ? <NewKey created={created} onDone={close} /> : <ApiKeyForm onDone={setCreated} />}
        </Dialog>
        {changing && (
          <Dialog opened onClose={() => setChanging(null)} title={`Edit ${changing.name}`} holds="form">
            <ChangeKeyForm before={changing} onDone={() => setChanging(null)} />
          </Dialog>
        )}
        {rotating && <RotateKey apiKey={rotating} onClose={() => setRotating(null)} />}
        {revoking && <RevokeKey apiKey={revoking} onClose={() => setRevoking(null)} />}
      </Panel>
      <ServiceAccounts />
      <RefusedWebhooks />
    </Stack>
  );
}

interface Acts {
  onRevoke: (key: ApiKey) => void;
  onRotate: (key: ApiKey) => void;
  onChange: (key: ApiKey) => void;
}

function KeyRows({ rows, acts }: { rows: readonly ApiKey[]; acts?: Acts }) {
  const columns = keyColumns(acts);
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconKey size={20} />} title="No keys yet">
        Agents such as Alertmanager sign in with a key. It belongs to this project and can be revoked at any time.
      </EmptyState>
    );
  }
  return (
    <DataTable label="API keys" columns={columns} rows={rows} rowId={(row) => row.id} isDim={(row) => stateOf(row) !== 'active'} />
  );
}

function keyColumns(acts: Acts | undefined): readonly Column<ApiKey>[] {
  return [
    { id: 'name', header: 'Name', cell: (row) => <NameCell apiKey={row} onChange={acts?.onChange} /> },
    {
      id: 'scopes',
      header: 'Scopes',
      width: 150,
      from: 'medium',
      cell: (row) => row.scopes.join(', '),
    },
    { id: 'state', header: 'State', width: 96, cell: (row) => <KeyState apiKey={row} /> },
    {
      id: 'used',
      header: 'Last used',
      width: 110,
      from: 'medium',
      cell: (row) => (row.last_used_at ? <RelativeTime at={row.last_used_at} /> : <span className="dim">Never</span>),
    },
    {
      id: 'created',
      header: 'Created',
      width: 200,
      from: 'wide',
      cell: (row) => (
        <span className="dim">
          <RelativeTime at={row.created_at} /> {row.created_by && `by ${row.created_by.name}`}
        </span>
      ),
    },
    {
      id: 'act',
      header: '',
      width: 150,
      align: 'right',
      cell: (row) =>
        acts && stateOf(row) !== 'revoked' ? (
          <Group gap={6} justify="flex-end" wrap="nowrap">
            {stateOf(row) === 'active' && !row.rotated_at && (
              <Button variant="default" size="compact-xs" aria-label={`Rotate ${row.name}`} onClick={() => acts.onRotate(row)}>
                Rotate
              </Button>
            )}
            <Button variant="default" size="compact-xs" aria-label={`Revoke ${row.name}`} onClick={() => acts.onRevoke(row)}>
              Revoke
            </Button>
          </Group>
        ) : null,
    },
  ];
}

interface NameCellProps {
  apiKey: ApiKey;
  onChange: Acts['onChange'] | undefined;
}

function NameCell({ apiKey, onChange }: NameCellProps) {
  return (
    <>
      <div style={{ fontWeight: 500, overflowWrap: 'anywhere' }}>
        {apiKey.name}
        {onChange && stateOf(apiKey) !== 'revoked' && (
          <ActionIcon variant="subtle" color="gray" size={24} ml={4} aria-label={`Edit ${apiKey.name}`} onClick={() => onChange(apiKey)}>
            <IconPencil size={14} />
          </ActionIcon>
        )}
      </div>
      <div className="dim">
        <span className="mono">{apiKey.prefix}…</span> <HistoryLink type="api_key" id={apiKey.id} />
      </div>
      <div className="dim narrow-only">
        {apiKey.scopes.join(', ')}; {apiKey.last_used_at ? <>last used <RelativeTime at={apiKey.last_used_at} /></> : 'never used'}
      </div>
      <KeyEnd apiKey={apiKey} />
    </>
  );
}

/** When a key that still works will end, and whether because another took its place. */
function KeyEnd({ apiKey }: { apiKey: ApiKey }) {
  if (!apiKey.expires_at || stateOf(apiKey) !== 'active') return null;
  return (
    <div className="dim">
      {apiKey.rotated_at ? 'Rotated, ends ' : 'Ends '}
      <RelativeTime at={apiKey.expires_at} />
    </div>
  );
}

function KeyState({ apiKey }: { apiKey: ApiKey }) {
  const state = stateOf(apiKey);
  const color = state === 'active' ? 'var(--tone-resolved)' : 'var(--ink-dim)';
  return (
    <Badge variant="outline" size="sm" tt="none" fw={500} color="gray" styles={{ root: { color } }}>
      {state}
    </Badge>
  );
}

function RevokeKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const revoke = useMutation({
    mutationFn: () => revokeApiKey(apiKey.id),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: keys.apiKeys(project) });
    },
  });
  return (
    <ConfirmByName
      opened
      title="Revoke API key"
      name={apiKey.name}
      act="Revoke key"
      pending={revoke.isPending}
      problem={revoke.error ? asProblem(revoke.error) : null}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    >
      Whatever still uses <strong>{apiKey.name}</strong> is refused from now on. This cannot be undone.
    </ConfirmByName>
  );
}
