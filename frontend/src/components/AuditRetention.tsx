import { Button, Group, Select, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { auditRetentionQuery, setAuditRetention } from '../api/audit';
import { may } from '../api/auth';
import { useProof } from './useProof';
import { tellProblem } from '../hooks/tellProblem';
import { useMe, useProject } from '../hooks/useProject';
import { Dialog } from '../ui/Dialog';

const OFFERED = [30, 90, 180, 365, 400];

/** For how long entries are kept. There is no way to keep none. */
export function AuditRetention() {
  const asked = auditRetentionQuery(useProject());
  const query = useQuery(asked);
  const client = useQueryClient();
  const mayWrite = may(useMe(), 'audit.manage');
  const { proven, dialog } = useProof();
  const change = useMutation({
    mutationFn: (wanted: number) => proven(() => setAuditRetention(wanted)),
    // What was set is known; the read model follows within moments.
    onSuccess: (_, days) => client.setQueryData(asked.queryKey, { days }),
    onError: tellProblem,
  });
  const [fewer, setFewer] = useState<number | null>(null);
  if (!query.data) return null;
  const days = change.isPending ? change.variables : query.data.days;
  if (!mayWrite) return <span className="dim">Kept for {days} days</span>;
  // Fewer days cannot be taken back: what is older goes.
  const choose = (chosen: number) => (chosen < days ? setFewer(chosen) : change.mutate(chosen));
  return (
    <>
      {dialog}
      <Select
        size="xs"
        w={150}
        aria-label="Keep entries for"
        data={[...new Set([...OFFERED, days])].sort((a, b) => a - b).map((n) => ({ value: String(n), label: `Keep ${n} days` }))}
        value={String(days)}
        allowDeselect={false}
        onChange={(value) => value && choose(Number(value))}
      />
      <Dialog opened={fewer !== null} onClose={() => setFewer(null)} title="Keep entries for fewer days">
        {fewer !== null && (
          <Fewer
            days={fewer}
            onCancel={() => setFewer(null)}
            onKeep={() => {
              setFewer(null);
              change.mutate(fewer);
            }}
          />
        )}
      </Dialog>
    </>
  );
}

function Fewer({ days, onCancel, onKeep }: { days: number; onCancel: () => void; onKeep: () => void }) {
  return (
    <Stack gap="sm">
      <Text size="sm">Entries that are older than {days} days are deleted for good. Export them first if you want to keep them.</Text>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" data-autofocus onClick={onCancel}>
          Cancel
        </Button>
        <Button color="red.8" onClick={onKeep}>
          Keep {days} days
        </Button>
      </Group>
    </Stack>
  );
}
