import { Button, Group } from '@mantine/core';
import { IconPlugConnected, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { monitoringQuery, removeIntegration, type MonitoringIntegration } from '../api/monitoring';
import { asProblem } from '../api/problem';
import { HealthBadge } from '../components/HealthBadge';
import { HistoryLink } from '../components/HistoryLink';
import { TestIntegration } from '../components/TestIntegration';
import { IntegrationForm } from '../forms/IntegrationForm';
import { RenameIntegrationForm } from '../forms/RenameIntegrationForm';
import { useMe, useProject } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { errorText, KINDS } from '../util/monitoring';
import { shortDuration } from '../util/numbers';
import { absoluteTime } from '../util/time';
import classes from './IntegrationsPage.module.css';

type Doing = { what: 'edit' | 'rename' | 'remove' | 'test'; integration: MonitoringIntegration } | { what: 'add' } | null;

/** The project's monitoring servers: where they are, and whether they answer. */
export function IntegrationsPage() {
  const query = useQuery(monitoringQuery(useProject()));
  const me = useMe();
  const [doing, setDoing] = useState<Doing>(null);
  const close = () => setDoing(null);
  const acts = { manage: may(me, 'monitoring_integration.manage'), test: may(me, 'monitoring_integration.test') };
  return (
    <Panel
      title="Monitoring integrations"
      count={query.data?.length}
      flush
      actions={
        acts.manage && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setDoing({ what: 'add' })}>
            Add integration
          </Button>
        )
      }
    >
      <QueryView query={query} skeleton={<RowSkeleton rows={4} height={57} />}>
        {(rows) => <Integrations rows={rows} may={acts} onDo={setDoing} />}
      </QueryView>
      <Dialog opened={doing?.what === 'add'} onClose={close} title="Add a monitoring server" holds="form">
        <IntegrationForm onDone={close} />
      </Dialog>
      {doing?.what === 'edit' && (
        <Dialog opened onClose={close} title={`Change ${doing.integration.name}`} holds="form">
          <IntegrationForm before={doing.integration} onDone={close} />
        </Dialog>
      )}
      {doing?.what === 'rename' && (
        <Dialog opened onClose={close} title={`Rename ${doing.integration.name}`} holds="form">
          <RenameIntegrationForm before={doing.integration} onDone={close} />
        </Dialog>
      )}
      {doing?.what === 'test' && <TestIntegration integration={doing.integration} onClose={close} />}
      {doing?.what === 'remove' && <Remove integration={doing.integration} onClose={close} />}
    </Panel>
  );
}

interface Acts {
  may: { manage: boolean; test: boolean };
  onDo: (doing: Doing) => void;
}

function Integrations({ rows, ...acts }: Acts & { rows: readonly MonitoringIntegration[] }) {
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconPlugConnected size={20} />} title="No monitoring servers yet">
        Name the Prometheus, Alertmanager, Grafana, Loki or OTLP collector that your team runs. Each is asked every half a
        minute whether it is well, so that silence is not taken for peace.
      </EmptyState>
    );
  }
  return <DataTable label="Monitoring integrations" columns={columns(acts)} rows={rows} rowId={(row) => row.id} />;
}

function columns(acts: Acts): readonly Column<MonitoringIntegration>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      cell: (row) => (
        <>
          <NameCell row={row} />
          <div className={classes.below}>
            <div>
              <HealthCell row={row} />
            </div>
            <ActCell row={row} {...acts} />
          </div>
        </>
      ),
    },
    { id: 'health', header: 'Health', width: 250, from: 'medium', cell: (row) => <HealthCell row={row} /> },
    {
      id: 'version',
      header: 'Version',
      width: 110,
      from: 'wide',
      cell: (row) => <span className="mono">{row.health.version ?? '—'}</span>,
    },
    {
      id: 'latency',
      header: 'Latency',
      width: 96,
      align: 'right',
      from: 'wide',
      cell: (row) => (row.health.latency_ms == null ? <span className="dim">—</span> : <Latency row={row} />),
    },
    {
      id: 'act',
      header: '',
      width: 284,
      align: 'right',
      from: 'medium',
      cell: (row) => (
        <Group justify="flex-end">
          <ActCell row={row} {...acts} />
        </Group>
      ),
    },
  ];
}

const CREDENTIAL_TEXT = { basic: 'a password', bearer: 'a token', headers: 'headers' } as const;

function NameCell({ row }: { row: MonitoringIntegration }) {
  return (
    <>
      <div style={{ fontWeight: 500, overflowWrap: 'anywhere' }}>{row.name}</div>
      <div className="dim" style={{ overflowWrap: 'anywhere' }}>
        {KINDS[row.kind].label} <span className="mono">{row.url}</span>
        {row.credential && ` with ${CREDENTIAL_TEXT[row.credential.kind]}`}{' '}
        <HistoryLink type="monitoring_integration" id={row.id} />
      </div>
    </>
  );
}

function HealthCell({ row }: { row: MonitoringIntegration }) {
  const { status, since, error, detail } = row.health;
  return (
    <>
      <HealthBadge status={status} />{' '}
      {since && (
        <span className="dim">
          since <RelativeTime at={since} />
        </span>
      )}
      {status === 'down' && error && (
        <div style={{ overflowWrap: 'anywhere' }}>
          {errorText(error)}
          {detail && <div className="dim">{detail}</div>}
        </div>
      )}
    </>
  );
}

function Latency({ row }: { row: MonitoringIntegration }) {
  const { latency_ms: ms, noted_at: at } = row.health;
  return <span title={at ? `noted ${absoluteTime(at)}` : undefined}>{shortDuration(ms ?? 0)}</span>;
}

function ActCell({ row, may, onDo }: Acts & { row: MonitoringIntegration }) {
  const act = (what: 'edit' | 'rename' | 'remove' | 'test', label: string) => (
    <Button
      variant="default"
      size="compact-xs"
      aria-label={`${label} ${row.name}`}
      onClick={() => onDo({ what, integration: row })}
    >
      {label}
    </Button>
  );
  return (
    <Group gap={4} wrap="nowrap">
      {may.test && act('test', 'Test')}
      {may.manage && act('edit', 'Change')}
      {may.manage && act('rename', 'Rename')}
      {may.manage && act('remove', 'Remove')}
    </Group>
  );
}

function Remove({ integration, onClose }: { integration: MonitoringIntegration; onClose: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const remove = useMutation({
    mutationFn: () => removeIntegration(integration.id),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: keys.monitoring(project) });
    },
  });
  return (
    <ConfirmByName
      opened
      title="Remove integration"
      name={integration.name}
      act="Remove integration"
      pending={remove.isPending}
      problem={remove.error ? asProblem(remove.error) : null}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <strong>{integration.name}</strong> is not asked any more, and its credential is destroyed.
    </ConfirmByName>
  );
}
