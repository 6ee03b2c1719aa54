import { Select } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { auditRetentionQuery, setAuditRetention } from '../api/audit';
import { may } from '../api/auth';
import { asProblem } from '../api/problem';
import { useMe, useProject } from '../hooks/useProject';

const OFFERED = [30, 90, 180, 365, 400];

/** For how long entries are kept. There is no way to keep none. */
export function AuditRetention() {
  const asked = auditRetentionQuery(useProject());
  const query = useQuery(asked);
  const client = useQueryClient();
  const mayWrite = may(useMe(), 'audit.manage');
  const change = useMutation({
    mutationFn: setAuditRetention,
    // What was set is known; the read model follows within moments.
    onSuccess: (_, days) => client.setQueryData(asked.queryKey, { days }),
    onError: (cause) => {
      const problem = asProblem(cause);
      notifications.show({ color: 'red', title: problem.title, message: problem.detail ?? '' });
    },
  });
  if (!query.data) return null;
  const days = change.isPending ? change.variables : query.data.days;
  if (!mayWrite) return <span className="dim">Kept for {days} days</span>;
  return (
    <Select
      size="xs"
      w={150}
      aria-label="Keep entries for"
      data={[...new Set([...OFFERED, days])].sort((a, b) => a - b).map((n) => ({ value: String(n), label: `Keep ${n} days` }))}
      value={String(days)}
      allowDeselect={false}
      onChange={(value) => value && change.mutate(Number(value))}
    />
  );
}
