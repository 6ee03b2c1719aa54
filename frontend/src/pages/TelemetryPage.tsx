import { Button, Group, Stack } from '@mantine/core';
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
import { ConfirmByName } from '../ui/ConfirmByName';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { daysText, SIGNAL_TEXT, streamText } from '../util/retention';

type Editing = 'new' | RetentionRule | null;

/** How long the project keeps its telemetry, and deleting it. */
export function TelemetryPage() {
  const query = useQuery(retentionQuery(useProject()));
  const mayWrite = may(useMe(), 'telemetry.manage');
  const [editing, setEditing] = useState<Editing>(null);
  const [taking, setTaking] = useState<RetentionRule | null>(null);
  const columns = useMemo(() => ruleColumns(mayWrite ? { edit: setEditing, takeAway: setTaking } : undefined), [mayWrite]);
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
        <QueryView query={query} skeleton={<RowSkeleton rows={5} height={41} />}>
          {({ items, days }) => (
            <>
              <DataTable label="Retention" columns={columns} rows={items} rowId={ruleId} isDim={(row) => row.default} />
              <Dialog opened={editing !== null} onClose={close} title={editing === 'new' ? 'Add a rule' : 'Change a rule'} holds="form">
                {editing && <RetentionForm rule={valuesOf(editing)} rules={items} choices={days} onDone={close} />}
              </Dialog>
              {taking && <TakeAway rule={taking} others={items} onClose={() => setTaking(null)} />}
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

/** A rule that is taken away may end what only it kept. */
function TakeAway({ rule, others, onClose }: { rule: RetentionRule; others: readonly RetentionRule[]; onClose: () => void }) {
  const project = useProject();
  const client = useQueryClient();
  const takeAway = useMutation({
    mutationFn: () => setRetention({ signal: rule.signal, stream: rule.stream, days: null }),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: keys.retention(project) });
    },
  });
  const rest = rule.stream === '' ? undefined : others.find(({ signal, stream }) => signal === rule.signal && stream === '');
  return (
    <ConfirmByName
      opened
      title="Take away rule"
      name={streamText(rule.signal, rule.stream)}
      act="Take away"
      pending={takeAway.isPending}
      problem={takeAway.error ? asProblem(takeAway.error) : null}
      onConfirm={() => takeAway.mutate()}
      onClose={onClose}
    >
      {SIGNAL_TEXT[rule.signal] ?? rule.signal} of <strong>{streamText(rule.signal, rule.stream)}</strong> were kept for {daysText(rule.days)}. From
      now on they go by{' '}
      {rest ? `the other rules; that of ${streamText(rest.signal, '')} is ${daysText(rest.days)}.` : 'what this installation keeps by itself.'}
      {(!rest || rest.days < rule.days) && ' What is older than that is deleted for good.'}
    </ConfirmByName>
  );
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
