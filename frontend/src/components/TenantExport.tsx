import { Button, Group, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { asProblem } from '../api/problem';
import { exportTenant } from '../api/tenant';
import { download } from '../util/files';
import { ProblemAlert } from '../ui/ProblemAlert';
import { useProof } from './useProof';

/** Takes everything of the organisation away as one file. */
export function TenantExport() {
  const { proven, dialog } = useProof();
  const take = useMutation({
    mutationFn: () => proven(exportTenant),
    onSuccess: (file) => download('organisation.ndjson', file),
  });
  return (
    <>
      {take.error && <ProblemAlert problem={asProblem(take.error)} />}
      <Group justify="space-between">
        <Text size="sm">Everything but telemetry and secrets, one JSON value a line, to keep or to take elsewhere.</Text>
        <Button variant="default" loading={take.isPending} onClick={() => take.mutate()}>
          Export
        </Button>
      </Group>
      {dialog}
    </>
  );
}
