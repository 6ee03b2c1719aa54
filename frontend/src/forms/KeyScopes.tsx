import { Checkbox, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { KEY_SCOPES, type KeyScope } from '../api/types';

const MEANING: Record<KeyScope, string> = {
  ingest: 'Send alerts and telemetry. All that an agent needs.',
  'ingest:metrics': 'Send metrics and nothing else.',
  'ingest:logs': 'Send logs and nothing else.',
  'ingest:traces': 'Send traces and nothing else.',
  'ingest:webhooks': 'Send alerts by webhook and nothing else.',
  read: 'Read incidents, alerts, metrics, logs and traces, and who the members are. All that Grafana needs.',
  write: 'All that read may; also declare, work and comment on incidents, and save views.',
  admin: 'All that write may; also manage members, keys, projects, single sign-on and telemetry, and read the audit.',
};

interface KeyScopesProps {
  value?: string[];
  onChange?: (value: string[]) => void;
  error?: ReactNode;
}

/** What a key may do, as a field of a form. */
export function KeyScopes(props: KeyScopesProps) {
  return (
    <Checkbox.Group label="What may it do?" {...props}>
      <Stack gap={8} mt={6}>
        {KEY_SCOPES.map((scope) => (
          <Checkbox key={scope} size="xs" value={scope} label={scope} description={MEANING[scope]} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
