import { Anchor, Button, Skeleton } from '@mantine/core';
import { IconArrowLeft, IconBellRinging, IconGitMerge, IconHourglass } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, Navigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { may } from '../api/auth';
import { incidentAlertsQuery, incidentQuery, timelineQuery } from '../api/incidents';
import { asProblem } from '../api/problem';
import type { Incident } from '../api/types';
import { AssigneePicker } from '../components/AssigneePicker';
import { EditableTitle } from '../components/EditableTitle';
import { HistoryLink } from '../components/HistoryLink';
import { IncidentActions } from '../components/IncidentActions';
import { IncidentAlerts } from '../components/IncidentAlerts';
import { IncidentLinks } from '../components/IncidentLinks';
import { SeverityPicker } from '../components/SeverityPicker';
import { StatusBadge } from '../components/StatusBadge';
import { StatusStepper } from '../components/StatusStepper';
import { Timeline } from '../components/Timeline';
import { CommentForm } from '../forms/CommentForm';
import { MergeForm } from '../forms/MergeForm';
import { useMe, useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { CopyIcon } from '../ui/CopyIcon';
import { Dialog } from '../ui/Dialog';
import { Duration } from '../ui/Duration';
import { LongText } from '../ui/LongText';
import { Panel } from '../ui/Panel';
import { ProblemAlert } from '../ui/ProblemAlert';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { incidentSummary } from '../util/incident-summary';
import { stillFiring } from '../util/still-firing';
import classes from './IncidentPage.module.css';
import { ProblemPage } from './ProblemPage';

export function IncidentPage() {
  const project = useProject();
  const { incident: id = '' } = useParams({ strict: false });
  const query = useQuery(incidentQuery(project, id));
  if (query.data === undefined) {
    return query.error ? <ProblemPage problem={asProblem(query.error)} retry={() => query.refetch()} /> : <IncidentSkeleton />;
  }
  const incident = query.data;
  // The server knows it by its key (`INC-12`) too; what happens to it, and what is done here, is told by its id.
  if (incident.id !== id) {
    return <Navigate to="/p/$project/incidents/$incident" params={{ project, incident: incident.id }} replace />;
  }
  return (
    <>
      <title>{`${incident.key ?? 'Incident'} ${incident.title} · SRE Copilot`}</title>
      {query.error && <ProblemAlert problem={asProblem(query.error)} retry={() => void query.refetch()} />}
      <Header incident={incident} />
      <div className={classes.columns}>
        <div className={classes.main}>
          {incident.description && <Description text={incident.description} />}
          <AlertsPanel incident={incident} />
        </div>
        <TimelinePanel incident={incident} />
      </div>
    </>
  );
}

function Header({ incident }: { incident: Incident }) {
  const readOnly = !may(useMe(), 'incident.work') || incident.status === 'merged';
  const [merging, setMerging] = useState(false);
  return (
    <header className={classes.header}>
      <div className={classes.crumb}>
        <Anchor
          size="sm"
          c="dimmed"
          renderRoot={(props) => <Link to="/p/$project/incidents" params={{ project: incident.project_id }} {...props} />}
        >
          <IconArrowLeft size={13} aria-hidden /> Incidents
        </Anchor>
        <span className="dim">{incident.key ?? 'Number pending'}</span>
        <CopyIcon value={incidentSummary(incident, window.location.origin)} label="Copy a summary with the link" />
      </div>
      <div className={classes.titleRow}>
        <EditableTitle key={incident.id} incident={incident} disabled={readOnly} />
        <div className={classes.actions}>
          {!readOnly && <IncidentActions incident={incident} onMerge={() => setMerging(true)} />}
        </div>
      </div>
      <div className={classes.facts}>
        <SeverityPicker incident={incident} disabled={readOnly} />
        <StatusBadge status={incident.status} />
        {incident.status !== 'merged' && (
          <span>
            <span className="dim">{incident.resolved_at ? 'Lasted' : 'Open for'}</span>{' '}
            <Duration from={incident.opened_at} to={incident.resolved_at ?? null} />
          </span>
        )}
        <span>
          <span className="dim">Opened</span> <RelativeTime at={incident.opened_at} />
        </span>
        <AssigneePicker incident={incident} disabled={readOnly} />
        <IncidentLinks incident={incident} />
      </div>
      <Notices incident={incident} />
      <Dialog opened={merging} onClose={() => setMerging(false)} title={`Merge ${incident.key ?? 'this incident'}`}>
        <MergeForm incident={incident} onDone={() => setMerging(false)} />
      </Dialog>
      {incident.status !== 'merged' && (
        <div className={classes.stepper}>
          <StatusStepper incident={incident} />
        </div>
      )}
    </header>
  );
}

function Notices({ incident }: { incident: Incident }) {
  const firing = stillFiring(incident);
  return (
    <div className={classes.notices}>
      {incident.merged_into && (
        <Callout tone="neutral" icon={<IconGitMerge size={18} />} title="Merged into another incident">
          <Link
            to="/p/$project/incidents/$incident"
            params={{ project: incident.project_id, incident: incident.merged_into }}
          >
            Go to the incident that goes on
          </Link>
        </Callout>
      )}
      {firing && (
        <Callout tone="warn" icon={<IconBellRinging size={18} />} title={firing}>
          <p>
            The incident stays resolved, and what fires already opens no other; a new alert of the group does. Reopen it if this
            is not over.
          </p>
        </Callout>
      )}
      {incident.stale && (
        <Callout tone="warn" icon={<IconHourglass size={18} />} title="This view is behind">
          <p>A record of this incident could not be folded in. The log has it; an operator can replay this view.</p>
        </Callout>
      )}
    </div>
  );
}

function Description({ text }: { text: string }) {
  return (
    <Panel title="Description">
      <p className={classes.description}>
        <LongText text={text} />
      </p>
    </Panel>
  );
}

function AlertsPanel({ incident }: { incident: Incident }) {
  const query = useQuery(incidentAlertsQuery(incident.project_id, incident.id));
  return (
    <Panel title="Alerts" count={query.data && incident.alerts_total} flush>
      <QueryView query={query} skeleton={<RowSkeleton rows={3} height={64} />}>
        {(alerts) => <IncidentAlerts alerts={alerts} incident={incident} />}
      </QueryView>
      {incident.group_key && (
        <p className={classes.group}>
          <span className="dim">Alert group</span> <span className="mono">{incident.group_key}</span>
        </p>
      )}
    </Panel>
  );
}

function TimelinePanel({ incident }: { incident: Incident }) {
  const query = useInfiniteQuery(timelineQuery(incident.project_id, incident.id));
  const mayWrite = may(useMe(), 'incident.comment');
  return (
    <Panel title="Timeline" actions={<HistoryLink type="incident" id={incident.id} />}>
      <QueryView query={query} skeleton={<RowSkeleton rows={5} />}>
        {(data) => (
          <>
            {query.isFetchNextPageError && <ProblemAlert problem={asProblem(query.error)} />}
            {query.hasNextPage && (
              <Button
                size="compact-sm"
                variant="default"
                fullWidth
                mb="sm"
                loading={query.isFetchingNextPage}
                onClick={() => void query.fetchNextPage()}
              >
                Show earlier
              </Button>
            )}
            <Timeline entries={data.pages.flatMap((page) => page.items).toReversed()} />
          </>
        )}
      </QueryView>
      {mayWrite && incident.status !== 'merged' && (
        <div className={classes.composer}>
          <CommentForm key={incident.id} incident={incident} />
        </div>
      )}
    </Panel>
  );
}

function IncidentSkeleton() {
  return (
    <div aria-busy="true" aria-label="Loading the incident">
      <Skeleton height={16} width={120} mb="sm" />
      <Skeleton height={28} width="60%" mb="md" />
      <Skeleton height={24} width="40%" mb="xl" />
      <div className={classes.columns}>
        <Skeleton height={280} radius="md" />
        <Skeleton height={400} radius="md" />
      </div>
    </div>
  );
}
