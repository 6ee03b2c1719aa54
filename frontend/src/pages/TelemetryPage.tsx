import { Button, Group, Modal, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { retentionQuery, setRetention, type RetentionRule } from '../api/telemetry';
import { DeleteTelemetry } from '../components/DeleteTelemetry';
import { RetentionForm, type RetentionValues } from '../forms/RetentionForm';
import { useMe, useProject } from '../hooks/useProject';
import { DataTable, type Column } from '../ui/DataTable';
import { Panel } from '../ui/Panel';
import { ProblemAlert } from '../ui/ProblemAlert';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { daysText, SIGNAL_TEXT, streamText } from '../util/retention';

type Editing = 'new' | RetentionRule | null;

/** How long the project keeps its telemetry, and deleting it. */
export function TelemetryPage() {
  const project = useProject();
  const client = useQueryClient();
  const query = useQuery(retentionQuery(project));
  const mayWrite = may(useMe(), 'telemetry.manage');
  const [editing, setEditing] = useState<Editing>(null);
  const takeAway = useMutation({
    mutationFn: ({ signal, stream }: RetentionRule) => setRetention({ signal, stream, days: null }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.retention(project) }),
  });
  const { mutate } = takeAway;
  const columns = useMemo(() => ruleColumns(mayWrite ? { edit: setEditing, takeAway: mutate } : undefined), [mayWrite, mutate]);
  const close = () => setEditing(null);
  return (
    <Stack gap="md">
      <Panel
        title="Retention"
        flush
        actions={
          mayWrite && (
            <Button leftSection={<IconPlus size={14} />} onClick={() => setEditing('new')}>
              Add rule
            </Button>
          )
        }
      >
        {takeAway.error && <ProblemAlert problem={asProblem(takeAway.error)} />}
        <QueryView query={query} skeleton={<RowSkeleton rows={5} height={41} />}>
          {({ items, days }) => (
            <>
              <DataTable label="Retention" columns={columns} rows={items} rowId={ruleId} isDim={(row) => row.default} />
              <Modal opened={editing !== null} onClose={close} title={editing === 'new' ? 'Add a rule' : 'Change a rule'}>
                {editing && <RetentionForm rule={valuesOf(editing)} choices={days} onDone={close} />}
              </Modal>
            </>
          )}
        </QueryView>
      </Panel>
      {mayWrite && <DeleteTelemetry />}
    </Stack>
  );
}

function ruleId({ signal, stream }: RetentionRule): string {
  return `${signal} ${stream}`;
}

function valuesOf(editing: 'new' | RetentionRule): RetentionValues | undefined {
  return editing === 'new' ? undefined : { signal: editing.signal, stream: editing.stream, days: String(editing.days) };
}

interface Acts {
  edit: (rule: RetentionRule) => void;
  takeAway: (rule: RetentionRule) => void;
}

function ruleColumns(acts: Acts | undefined): readonly Column<RetentionRule>[] {
  const named = (rule: RetentionRule) => `${SIGNAL_TEXT[rule.signal] ?? rule.signal} ${streamText(rule.signal, rule.stream)}`;
  return [
    { id: 'signal', header: 'Signal', width: 110, cell: (row) => SIGNAL_TEXT[row.signal] ?? row.signal },
    {
      id: 'stream',
      header: 'Of',
      cell: (row) => <span className={row.stream === '' ? 'dim' : 'mono'}>{streamText(row.signal, row.stream)}</span>,
    },
    { id: 'days', header: 'Kept', width: 76, cell: (row) => daysText(row.days) },
    {
      id: 'act',
      header: '',
      width: 100,
      align: 'right',
      cell: (row) =>
        acts && (
          <Group gap={4} justify="flex-end">
            {!row.default && (
              <Button variant="subtle" size="compact-xs" aria-label={`Take away ${named(row)}`} onClick={() => acts.takeAway(row)}>
                Take away
              </Button>
            )}
            <Button variant="default" size="compact-xs" aria-label={`Change ${named(row)}`} onClick={() => acts.edit(row)}>
              Change
            </Button>
          </Group>
        ),
    },
  ];
}
