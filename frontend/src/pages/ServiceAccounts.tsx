import { Button } from '@mantine/core';
import { IconPlus, IconRobot } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { disableServiceAccount, serviceAccountsQuery } from '../api/tenant';
import type { ServiceAccount } from '../api/types';
import { HistoryLink } from '../components/HistoryLink';
import { ServiceAccountForm } from '../forms/ServiceAccountForm';
import { useMe, useProject } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';

/** Programs with keys of their own; a panel of the page of keys. */
export function ServiceAccounts() {
  const query = useQuery(serviceAccountsQuery(useProject()));
  const mayWrite = may(useMe(), 'api_key.manage');
  const [creating, setCreating] = useState(false);
  const [disabling, setDisabling] = useState<ServiceAccount | null>(null);
  return (
    <Panel
      title="Service accounts"
      count={query.data?.length}
      flush
      actions={
        mayWrite && (
          <Button variant="default" leftSection={<IconPlus size={14} />} onClick={() => setCreating(true)}>
            Create account
          </Button>
        )
      }
    >
      <QueryView query={query} skeleton={<RowSkeleton rows={2} height={41} />}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={<IconRobot size={20} />} title="No service accounts yet">
              A program that has several keys gets an account; disabling it ends them all.
            </EmptyState>
          ) : (
            <DataTable
              label="Service accounts"
              columns={columns(mayWrite ? setDisabling : undefined)}
              rows={rows}
              rowId={(row) => row.id}
              isDim={(row) => Boolean(row.disabled_at)}
            />
          )
        }
      </QueryView>
      <Dialog opened={creating} onClose={() => setCreating(false)} title="Create a service account" holds="form">
        <ServiceAccountForm onDone={() => setCreating(false)} />
      </Dialog>
      {disabling && <Disable account={disabling} onClose={() => setDisabling(null)} />}
    </Panel>
  );
}

function columns(onDisable: ((account: ServiceAccount) => void) | undefined): readonly Column<ServiceAccount>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      cell: (row) => (
        <>
          <div style={{ fontWeight: 500, overflowWrap: 'anywhere' }}>{row.name}</div>
          <div className="dim">
            {row.description} <HistoryLink type="service_account" id={row.id} />
          </div>
        </>
      ),
    },
    {
      id: 'created',
      header: 'Created',
      width: 200,
      from: 'medium',
      cell: (row) => (
        <span className="dim">
          <RelativeTime at={row.created_at} /> {row.created_by && `by ${row.created_by.name}`}
        </span>
      ),
    },
    {
      id: 'act',
      header: '',
      width: 96,
      align: 'right',
      cell: (row) =>
        row.disabled_at ? (
          <span className="dim">disabled</span>
        ) : (
          onDisable && (
            <Button variant="default" size="compact-xs" aria-label={`Disable ${row.name}`} onClick={() => onDisable(row)}>
              Disable
            </Button>
          )
        ),
    },
  ];
}

function Disable({ account, onClose }: { account: ServiceAccount; onClose: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const disable = useMutation({
    mutationFn: () => disableServiceAccount(account.id),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: keys.serviceAccounts(project) });
      await client.invalidateQueries({ queryKey: keys.apiKeys(project) });
    },
  });
  return (
    <ConfirmByName
      opened
      title="Disable service account"
      name={account.name}
      act="Disable account"
      pending={disable.isPending}
      problem={disable.error ? asProblem(disable.error) : null}
      onConfirm={() => disable.mutate()}
      onClose={onClose}
    >
      Every key of <strong>{account.name}</strong> is revoked for good. This cannot be undone.
    </ConfirmByName>
  );
}
