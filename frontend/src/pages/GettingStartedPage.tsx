import { Button, SegmentedControl } from '@mantine/core';
import { IconArrowRight, IconCheck } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { arrivalQuery, type Signal } from '../api/arrival';
import { incidentListQuery } from '../api/incidents';
import type { CreatedApiKey, Incident } from '../api/types';
import { CreateKey } from '../components/CreateKey';
import { SeverityBadge } from '../components/SeverityBadge';
import { Snippets, type Sent } from '../components/Snippets';
import { StatusBadge } from '../components/StatusBadge';
import { Step, Steps } from '../components/Steps';
import { Waiting } from '../components/Waiting';
import { useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { PageHeader } from '../ui/PageHeader';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import classes from './GettingStartedPage.module.css';

const KINDS: readonly { value: Sent; label: string; title: string; first: string; keyName: string }[] = [
  { value: 'alerts', label: 'Alerts', title: 'Tell Alertmanager where to send alerts', first: 'See the first incident', keyName: 'alertmanager' },
  { value: 'metrics', label: 'Metrics', title: 'Tell Prometheus where to write', first: 'See the first sample', keyName: 'prometheus' },
  { value: 'logs', label: 'Logs', title: 'Tell your log agent where to send', first: 'See the first line', keyName: 'logs' },
  { value: 'traces', label: 'Traces', title: 'Tell OpenTelemetry where to export', first: 'See the first trace', keyName: 'opentelemetry' },
];

export function GettingStartedPage() {
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const [created, setCreated] = useState<CreatedApiKey | null>(null);
  const kind = KINDS.find(({ value }) => value === tab) ?? KINDS[0];
  if (!kind) return null;
  return (
    <div className={classes.page}>
      <PageHeader
        title="Getting started"
        description="Point the agents you already run at this project: alerts become incidents the moment they fire, and telemetry is there to explain them."
      />
      <SegmentedControl
        aria-label="What to send"
        value={kind.value}
        onChange={(value) =>
          void navigate({ to: '.', search: (before) => ({ ...before, tab: value === 'alerts' ? undefined : value }), replace: true })
        }
        data={KINDS.map(({ value, label }) => ({ value, label }))}
      />
      <Steps>
        <Step number={1} title="Create a key">
          <CreateKey name={kind.keyName} created={created} onCreated={setCreated}>
            Agents sign in with a key that may only send. It goes into the snippets below by itself.
          </CreateKey>
        </Step>
        <Step number={2} title={kind.title}>
          <Snippets key={kind.value} sent={kind.value} apiKey={created?.key} />
        </Step>
        <Step number={3} title={kind.first}>
          {kind.value === 'alerts' ? <FirstIncident /> : <FirstOf signal={kind.value} />}
        </Step>
      </Steps>
    </div>
  );
}

const WORDS: Record<Signal, { unit: string; to: '/p/$project/metrics' | '/p/$project/logs' | '/p/$project/traces' }> = {
  metrics: { unit: 'sample', to: '/p/$project/metrics' },
  logs: { unit: 'line', to: '/p/$project/logs' },
  traces: { unit: 'trace', to: '/p/$project/traces' },
};

function FirstOf({ signal }: { signal: Signal }) {
  const project = useProject();
  const query = useQuery(arrivalQuery(project, signal));
  const { unit, to } = WORDS[signal];
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={1} height={64} />}>
      {(arrived) =>
        arrived ? (
          <Callout tone="good" icon={<IconCheck size={18} />} title="It works" role="status">
            <p>This project has {signal}.</p>
            <Button mt="sm" rightSection={<IconArrowRight size={14} />} renderRoot={(props) => <Link to={to} params={{ project }} {...props} />}>
              Explore {signal}
            </Button>
          </Callout>
        ) : (
          <Waiting title={`Waiting for the first ${unit}…`}>This page asks every few seconds; it appears here by itself.</Waiting>
        )
      }
    </QueryView>
  );
}

const NEWEST = { newest: 'first-incident' };

function FirstIncident() {
  const project = useProject();
  const query = useInfiniteQuery(incidentListQuery(project, NEWEST, () => ({})));
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={1} height={64} />}>
      {(data) => {
        // One that somebody declared says nothing of the agents.
        const newest = data.pages[0]?.items.find(({ source }) => source !== 'manual');
        if (newest) return <Arrived incident={newest} />;
        return (
          <Waiting title="Waiting for the first alert…">
            This page is live: the incident appears here by itself, usually within a second.
          </Waiting>
        );
      }}
    </QueryView>
  );
}

function Arrived({ incident }: { incident: Incident }) {
  return (
    <Callout tone="good" icon={<IconCheck size={18} />} title="It works" role="status">
      <div className={classes.arrived}>
        <SeverityBadge severity={incident.severity} />
        <span className={classes.incident}>
          {incident.key} {incident.title}
        </span>
        <StatusBadge status={incident.status} />
        <RelativeTime at={incident.opened_at} className="dim" />
      </div>
      <Button
        mt="sm"
        rightSection={<IconArrowRight size={14} />}
        renderRoot={(props) => (
          <Link
            to="/p/$project/incidents/$incident"
            params={{ project: incident.project_id, incident: incident.id }}
            {...props}
          />
        )}
      >
        Open the incident
      </Button>
    </Callout>
  );
}
