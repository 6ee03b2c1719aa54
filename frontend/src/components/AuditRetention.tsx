import { Select } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { auditRetentionQuery, setAuditRetention } from '../api/audit';
import { may } from '../api/auth';
import { useProof } from './useProof';
import { tellProblem } from '../hooks/tellProblem';
import { useMe, useProject } from '../hooks/useProject';
import { AskFirst } from '../ui/AskFirst';

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
      {fewer !== null && (
        <AskFirst
          title="Keep entries for fewer days"
          act={`Keep ${fewer} days`}
          onCancel={() => setFewer(null)}
          onGoOn={() => {
            setFewer(null);
            change.mutate(fewer);
          }}
        >
          Entries that are older than {fewer} days are deleted for good. Export them first if you want to keep them.
        </AskFirst>
      )}
    </>
  );
}
