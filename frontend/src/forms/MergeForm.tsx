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
import { mergeOutcome } from '../util/merge';

/** Chooses the incident that absorbs this one. */
export function MergeForm({ incident, onDone }: { incident: Incident; onDone: () => void }) {
  const client = useQueryClient();
  const [into, setInto] = useState<Incident | null>(null);
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
    // What is refused as out of date is sent again with the version that it has now.
    onError: () => client.invalidateQueries({ queryKey: keys.incident(incident.project_id, incident.id) }),
  });
  const others = (candidates.data?.items ?? []).filter((one) => one.id !== incident.id);
  const options = others.map((one) => ({ value: one.id, label: `${one.key ?? ''} ${one.title}` }));
  return (
    <Stack gap="sm">
      <Text size="sm">
        {into ? mergeOutcome(incident, into) : 'One of the two goes on with the alerts of both and the worse severity.'} This cannot
        be undone.
      </Text>
      {send.error && <ProblemAlert problem={asProblem(send.error)} />}
      <Select
        label="Merge into"
        placeholder="Search open incidents"
        searchable
        data={options}
        value={into?.id ?? null}
        onChange={(id) => setInto(others.find((one) => one.id === id) ?? null)}
        searchValue={search}
        onSearchChange={setSearch}
        nothingFoundMessage={nothingFound(candidates)}
        data-autofocus
      />
      <Group justify="flex-end" gap="xs">
        <Button size="sm" variant="default" onClick={onDone}>
          Cancel
        </Button>
        <Button size="sm" disabled={!into} loading={send.isPending} onClick={() => into && send.mutate(into.id)}>
          Merge {incident.key}
        </Button>
      </Group>
    </Stack>
  );
}

interface Candidates {
  isPending: boolean;
  isPlaceholderData: boolean;
  error: unknown;
}

/** An empty list says nothing while it is on its way, or where it did not come. */
function nothingFound({ isPending, isPlaceholderData, error }: Candidates): string {
  if (isPending || isPlaceholderData) return 'Searching…';
  return error ? `They cannot be searched now: ${asProblem(error).title}` : 'No open incident matches';
}
