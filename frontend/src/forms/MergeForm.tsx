import { Button, Group, Select, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, orRecorded, read } from '../api/client';
import { merge, settleIncident } from '../api/incidents';
import { keys } from '../api/keys';
import { present } from '../api/paging';
import { asProblem } from '../api/problem';
import type { Incident } from '../api/types';
import { useWrite } from '../hooks/useWrite';
import { ProblemAlert } from '../ui/ProblemAlert';

/** Chooses the incident that absorbs this one. */
export function MergeForm({ incident, onDone }: { incident: Incident; onDone: () => void }) {
  const client = useQueryClient();
  const [into, setInto] = useState<string | null>(null);
  const [search, setSearch] = useState('');
  const [q] = useDebouncedValue(search, 200);
  const candidates = useQuery({
    queryKey: keys.incidentList(incident.project_id, { mergeInto: q }),
    queryFn: () =>
      read(api.GET('/api/v1/incidents', { params: { query: present({ status: 'open', q: into ? '' : q, limit: 20 }) } })),
    // What is under the pointer must not go while another answer is on its way.
    placeholderData: keepPreviousData,
  });
  const send = useWrite({
    mutationFn: (target: string) => orRecorded(merge(incident, target)),
    onSuccess: async (merged) => {
      onDone();
      if (merged) await settleIncident(client, merged);
    },
  });
  const options = (candidates.data?.items ?? [])
    .filter((one) => one.id !== incident.id)
    .map((one) => ({ value: one.id, label: `${one.key ?? ''} ${one.title}` }));
  return (
    <Stack gap="sm">
      <Text size="sm">
        Its alerts and everything that follows go to the other incident. The older of the two keeps its number. This
        cannot be undone.
      </Text>
      {send.error && <ProblemAlert problem={asProblem(send.error)} />}
      <Select
        label="Merge into"
        placeholder="Search open incidents"
        searchable
        data={options}
        value={into}
        onChange={setInto}
        searchValue={search}
        onSearchChange={setSearch}
        nothingFoundMessage="No open incident matches"
        data-autofocus
      />
      <Group justify="flex-end" gap="xs">
        <Button size="sm" variant="default" onClick={onDone}>
          Cancel
        </Button>
        <Button size="sm" disabled={!into} loading={send.isPending} onClick={() => into && send.mutate(into)}>
          Merge {incident.key}
        </Button>
      </Group>
    </Stack>
  );
}
