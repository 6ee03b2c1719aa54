import { Button, Group } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { deleteTelemetry, deletionsQuery, type TelemetryDeletion } from '../api/telemetry';
import { useMe, useProject } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';
import { DataTable, type Column } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { useProof } from './useProof';

type Of = 'project' | 'tenant';

const COLUMNS: readonly Column<TelemetryDeletion>[] = [
  { id: 'of', header: 'Of', cell: (row) => (row.project_id ? 'this project' : 'all projects') },
  { id: 'asked', header: 'Asked for', width: 140, cell: (row) => <RelativeTime at={row.requested_at} className="dim" /> },
  {
    id: 'done',
    header: 'Done',
    width: 140,
    cell: (row) => (row.done_at ? <RelativeTime at={row.done_at} className="dim" /> : 'under way'),
  },
];

/** Deletes what was received until now, after naming whose it is. */
export function DeleteTelemetry() {
  const project = useProject();
  const me = useMe();
  const client = useQueryClient();
  const query = useQuery(deletionsQuery(project));
  const [of, setOf] = useState<Of | null>(null);
  const { proven, dialog } = useProof();
  const act = useMutation({
    mutationFn: (what: Of) => proven(() => deleteTelemetry(what)),
    onSuccess: async () => {
      setOf(null);
      await client.invalidateQueries({ queryKey: keys.deletions(project) });
    },
  });
  const name = of === 'tenant' ? me?.tenant.name : me?.project.name;
  const ask = (what: Of) => () => {
    act.reset();
    setOf(what);
  };
  return (
    <Panel
      title="Deletion"
      flush
      actions={
        <Group gap="xs">
          <Button variant="default" leftSection={<IconTrash size={14} />} onClick={ask('project')}>
            Delete telemetry
          </Button>
          {may(me, 'tenant_telemetry.delete') && (
            <Button variant="default" onClick={ask('tenant')}>
              Of all projects
            </Button>
          )}
        </Group>
      }
    >
      <QueryView query={query} skeleton={<RowSkeleton rows={1} height={41} />}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState icon={<IconTrash size={20} />} title="Nothing was deleted">
              Deleting takes all metrics, logs and traces that were received until now. Incidents and alerts stay.
            </EmptyState>
          ) : (
            <DataTable label="Deletions" columns={COLUMNS} rows={items} rowId={(row) => row.id} />
          )
        }
      </QueryView>
      {of && name && (
        <ConfirmByName
          opened
          title={of === 'tenant' ? 'Delete the telemetry of all projects' : 'Delete telemetry'}
          name={name}
          act="Delete telemetry"
          pending={act.isPending}
          problem={act.error ? asProblem(act.error) : null}
          onConfirm={() => act.mutate(of)}
          onClose={() => setOf(null)}
        >
          All metrics, logs and traces of {of === 'tenant' ? 'every project of' : ''} {name} that were received until
          now will be gone for good. What comes afterwards is kept.
        </ConfirmByName>
      )}
      {dialog}
    </Panel>
  );
}
