import { Button, Group, Stack } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { keys } from '../api/keys';
import { testIntegration, type IntegrationTest, type MonitoringIntegration } from '../api/monitoring';
import { asProblem } from '../api/problem';
import { useProject } from '../hooks/useProject';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { ProblemAlert } from '../ui/ProblemAlert';
import { RowSkeleton } from '../ui/RowSkeleton';
import { errorText, stepText } from '../util/monitoring';
import { HealthBadge } from './HealthBadge';

/** Asks a server at once, when it opens and again on demand, and shows every step. */
export function TestIntegration({ integration, onClose }: { integration: MonitoringIntegration; onClose: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: () => testIntegration(integration.id),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.monitoring(project) }),
  });
  useEffect(() => mutate(), [mutate]);
  return (
    <Dialog opened onClose={onClose} title={`Test ${integration.name}`} size="lg">
      <Stack gap="sm">
        {error && <ProblemAlert problem={asProblem(error)} />}
        {isPending && <RowSkeleton rows={4} height={41} />}
        {!isPending && data && <Outcome test={data} />}
        <Group justify="flex-end">
          <Button variant="default" size="sm" loading={isPending} onClick={() => mutate()}>
            Test again
          </Button>
          <Button size="sm" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

function Outcome({ test }: { test: IntegrationTest }) {
  const steps = test.steps.map((step, index) => ({ ...step, id: String(index) }));
  return (
    <>
      <div role="status">
        <HealthBadge status={test.status} />{' '}
        <span className="dim">
          {test.version && `version ${test.version}, `}
          {test.latency_ms} ms
        </span>
        {test.error && <div style={{ fontWeight: 500 }}>{errorText(test.error)}</div>}
        {test.detail && <div style={{ overflowWrap: 'anywhere' }}>{test.detail}</div>}
      </div>
      {steps.length > 0 && <DataTable label="Steps" columns={COLUMNS} rows={steps} rowId={(row) => row.id} />}
    </>
  );
}

type StepRow = IntegrationTest['steps'][number] & { id: string };

const COLUMNS: readonly Column<StepRow>[] = [
  {
    id: 'name',
    header: 'Step',
    width: 140,
    cell: (row) => (
      <span style={{ display: 'inline-flex', alignItems: 'center', gap: 4, color: row.ok ? undefined : 'var(--tone-detected)' }}>
        {row.ok ? <IconCheck size={14} aria-label="done" /> : <IconX size={14} aria-label="failed" />} {stepText(row.name)}
      </span>
    ),
  },
  { id: 'detail', header: 'What happened', cell: (row) => <span className="mono" style={{ overflowWrap: 'anywhere' }}>{row.detail}</span> },
  { id: 'took', header: 'Took', width: 80, align: 'right', cell: (row) => <span className="dim">{row.took_ms} ms</span> },
];
