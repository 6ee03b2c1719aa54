import { Button, SegmentedControl, Stack } from '@mantine/core';
import { IconArrowRight, IconCheck, IconRadar } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { may } from '../api/auth';
import { incidentListQuery } from '../api/incidents';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { createApiKey } from '../api/tenant';
import type { CreatedApiKey, Incident } from '../api/types';
import { NewKey } from '../components/NewKey';
import { SeverityBadge } from '../components/SeverityBadge';
import { StatusBadge } from '../components/StatusBadge';
import { useMe, useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { CodeBlock } from '../ui/CodeBlock';
import { PageHeader } from '../ui/PageHeader';
import { ProblemAlert } from '../ui/ProblemAlert';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { alertmanagerYaml, curlCommand, prometheusYaml, ruleYaml } from '../util/snippets';
import classes from './GettingStartedPage.module.css';

export function GettingStartedPage() {
  const [created, setCreated] = useState<CreatedApiKey | null>(null);
  return (
    <div className={classes.page}>
      <PageHeader
        title="Getting started"
        description="Point the Alertmanager you already run at this project. Its alerts become incidents here the moment they fire."
      />
      <ol className={classes.steps}>
        <Step number={1} title="Create a key">
          <KeyStep created={created} onCreated={setCreated} />
        </Step>
        <Step number={2} title="Tell Alertmanager where to send alerts">
          <SendStep apiKey={created?.key} />
        </Step>
        <Step number={3} title="See the first incident">
          <FirstIncident />
        </Step>
      </ol>
    </div>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: React.ReactNode }) {
  return (
    <li className={classes.step}>
      <span className={classes.number} aria-hidden>
        {number}
      </span>
      <div className={classes.body}>
        <h2 className={classes.title}>{title}</h2>
        {children}
      </div>
    </li>
  );
}

interface KeyStepProps {
  created: CreatedApiKey | null;
  onCreated: (key: CreatedApiKey) => void;
}

function KeyStep({ created, onCreated }: KeyStepProps) {
  const client = useQueryClient();
  const project = useProject();
  const mayCreate = may(useMe(), 'api_key.manage');
  const create = useMutation({
    mutationFn: () => createApiKey({ name: 'alertmanager', scopes: ['ingest'] }),
    onSuccess: async (key) => {
      onCreated(key);
      await client.invalidateQueries({ queryKey: keys.apiKeys(project) });
    },
  });
  if (created) return <NewKey created={created} />;
  return (
    <Stack gap="sm" align="flex-start">
      <p className={classes.text}>
        Alertmanager signs in with a key that may only send. It goes into the snippet below by itself.
      </p>
      {create.error && <ProblemAlert problem={asProblem(create.error)} retry={() => create.mutate()} />}
      <Button size="sm" loading={create.isPending} disabled={!mayCreate} onClick={() => create.mutate()}>
        Create key
      </Button>
      {!mayCreate && <p className={classes.text}>Only owners and admins create keys: ask one of them for a key with scope ingest.</p>}
    </Stack>
  );
}

type Way = 'alertmanager' | 'prometheus' | 'curl';

function SendStep({ apiKey }: { apiKey: string | undefined }) {
  const [way, setWay] = useState<Way>('alertmanager');
  const origin = window.location.origin;
  const key = apiKey ?? '<create the key first>';
  return (
    <Stack gap="sm">
      <SegmentedControl<Way>
        size="xs"
        w="fit-content"
        aria-label="What to configure"
        value={way}
        onChange={setWay}
        data={[
          { value: 'alertmanager', label: 'Alertmanager' },
          { value: 'prometheus', label: 'Prometheus' },
          { value: 'curl', label: 'curl' },
        ]}
      />
      {way === 'alertmanager' && (
        <>
          <CodeBlock name="alertmanager.yml" text={alertmanagerYaml(origin, key)} />
          <p className={classes.text}>
            Merge it into your file and reload: <code className="mono">curl -X POST http://localhost:9093/-/reload</code>
          </p>
        </>
      )}
      {way === 'prometheus' && (
        <>
          <p className={classes.text}>
            No rules yet? These two files send one alert that fires at once, through the Alertmanager on this machine.
          </p>
          <CodeBlock name="prometheus.yml" text={prometheusYaml()} />
          <CodeBlock name="sre-copilot-rules.yml" text={ruleYaml()} />
        </>
      )}
      {way === 'curl' && (
        <>
          <p className={classes.text}>Sends what Alertmanager would send, once.</p>
          <CodeBlock name="Terminal" text={curlCommand(origin, key)} />
        </>
      )}
    </Stack>
  );
}

const NEWEST = { newest: 'first-incident' };

function FirstIncident() {
  const project = useProject();
  const query = useInfiniteQuery(incidentListQuery(project, NEWEST, () => ({})));
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={1} height={64} />}>
      {(data) => {
        const newest = data.pages[0]?.items[0];
        return newest ? <Arrived incident={newest} /> : <Waiting />;
      }}
    </QueryView>
  );
}

function Waiting() {
  return (
    <div className={classes.waiting} role="status">
      <IconRadar size={20} className={classes.radar} aria-hidden />
      <div>
        <strong>Waiting for the first alert…</strong>
        <p className={classes.text}>This page is live: the incident appears here by itself, usually within a second.</p>
      </div>
    </div>
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
