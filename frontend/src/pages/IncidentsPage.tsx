import { Button, Chip, Group, SegmentedControl, Select } from '@mantine/core';
import { IconFlame, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { may } from '../api/auth';
import { incidentListQuery, type IncidentFilter } from '../api/incidents';
import { membersQuery } from '../api/tenant';
import { SEVERITIES, type Incident, type StepAction } from '../api/types';
import { AddressNotice } from '../components/AddressNotice';
import { BulkBar } from '../components/BulkBar';
import { incidentColumns, type ListOrder } from '../components/incident-columns';
import { SeverityBadge } from '../components/SeverityBadge';
import { useBulkStep } from '../hooks/useBulkStep';
import { useIncidentSearch } from '../hooks/useIncidentSearch';
import { useKeepLoaded } from '../hooks/useKeepLoaded';
import { useListKeys } from '../hooks/useListKeys';
import { useMe, useProject } from '../hooks/useProject';
import { useSelection } from '../hooks/useSelection';
import { useTimeRange } from '../hooks/useTimeRange';
import { DataTable } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { LoadMore } from '../ui/LoadMore';
import { PageHeader } from '../ui/PageHeader';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { SearchInput } from '../ui/SearchInput';
import { Superseded } from '../ui/Superseded';
import { resolveRange, type RangeSearch } from '../util/range';
import classes from './ListPage.module.css';

const RESOLVED = 'resolved,learned';

const STATES = [
  { value: 'open', label: 'Open' },
  { value: RESOLVED, label: 'Resolved' },
  { value: 'all', label: 'All' },
];

const WHEN = [
  { value: 'opened', label: 'Opened then' },
  { value: 'resolved', label: 'Resolved then' },
];

const ORDERS = { worst: 'worst_first', oldest: 'oldest_first' } as const;

interface Keyed extends RangeSearch, Pick<IncidentFilter, 'status' | 'severity' | 'q' | 'assignee'> {
  order: ListOrder;
  when: 'resolved' | undefined;
}

function toFilter({ status, order, severity, q, assignee, when, ...range }: Keyed): IncidentFilter {
  const { from, to } = resolveRange(range, Date.now());
  return {
    status: status === 'all' ? undefined : status,
    order: order && ORDERS[order],
    severity,
    q,
    assignee,
    ...(when === 'resolved' ? { resolved_from: from, resolved_to: to } : { from, to }),
  };
}

export function IncidentsPage() {
  const project = useProject();
  const { status, severity, q, assignee, order, when, unread } = useIncidentSearch();
  const range = useTimeRange('all');
  const me = useMe();
  const keyed = useMemo(
    () => ({ status, order, severity, q, assignee, when, ...range }),
    [status, order, severity, q, assignee, when, range],
  );
  const query = useInfiniteQuery(incidentListQuery(project, keyed, toFilter));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const ids = useMemo(() => rows.map((row) => row.id), [rows]);
  useKeepLoaded(query, ids, keyed);
  return (
    <>
      <PageHeader
        title="Incidents"
        actions={
          may(me, 'incident.open') && (
            <Button
              leftSection={<IconPlus size={14} />}
              renderRoot={(props) => <Link to="/p/$project/incidents/new" params={{ project }} {...props} />}
            >
              Declare incident
            </Button>
          )
        }
      />
      <AddressNotice unread={unread} />
      <Filters />
      <div className={classes.list}>
        <PanelBoundary>
          <QueryView query={query} skeleton={<RowSkeleton rows={12} height={41} />}>
            {() => (
              <Superseded when={query.isPlaceholderData} empty={rows.length === 0} skeleton={<RowSkeleton rows={12} height={41} />}>
                <IncidentRows rows={rows} ids={ids} superseded={query.isPlaceholderData} mayWrite={may(me, 'incident.work')} />
              </Superseded>
            )}
          </QueryView>
        </PanelBoundary>
      </div>
      <LoadMore query={query} />
    </>
  );
}

function Filters() {
  const project = useProject();
  const { status, severity, q = '', assignee, when, set } = useIncidentSearch();
  const me = useMe();
  const members = useQuery(membersQuery(project));
  const people = (members.data ?? []).map((member) => ({
    value: member.user_id,
    label: member.user_id === me?.user.id ? `${member.name} (you)` : member.name,
  }));
  return (
    <div className={classes.filters} role="search" aria-label="Filter incidents">
      <SegmentedControl
        size="xs"
        aria-label="Status"
        data={statesWith(status)}
        value={status}
        onChange={(value) => set({ status: value === 'open' ? undefined : value, when: undefined })}
      />
      {(when || status === RESOLVED) && (
        <SegmentedControl
          size="xs"
          aria-label="Time range of"
          data={WHEN}
          value={when ?? 'opened'}
          onChange={(value) => set({ when: value === 'resolved' ? value : undefined })}
        />
      )}
      <Chip.Group
        multiple
        value={severity ? severity.split(',') : []}
        onChange={(chosen) => set({ severity: chosen.length > 0 ? chosen.join(',') : undefined })}
      >
        <Group gap={4} role="group" aria-label="Severity">
          {SEVERITIES.map((one) => (
            <Chip key={one} size="xs" value={one} variant="outline" aria-label={one}>
              <SeverityBadge severity={one} bare />
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      <Select
        size="xs"
        w={150}
        clearable
        aria-label="Assignee"
        placeholder="Any assignee"
        value={assignee ?? null}
        onChange={(value) => set({ assignee: value ?? undefined })}
        data={members.isPending ? people : peopleWith(people, assignee, members.data ? 'No member any more' : 'The one of this link')}
      />
      <SearchInput label="Search incidents" value={q} onChange={(value) => set({ q: value || undefined })} />
    </div>
  );
}

/** What only a link asks for, such as one status, is offered for as long as it is chosen: a filter that works is seen. */
function statesWith(status: string) {
  if (STATES.some(({ value }) => value === status)) return STATES;
  return [...STATES, { value: status, label: `Only ${status.split(',').join(', ')}` }];
}

function peopleWith(people: { value: string; label: string }[], assignee: string | undefined, label: string) {
  if (!assignee || people.some(({ value }) => value === assignee)) return people;
  return [...people, { value: assignee, label }];
}

interface IncidentRowsProps {
  rows: readonly Incident[];
  ids: readonly string[];
  /** They answer what was asked before. */
  superseded: boolean;
  mayWrite: boolean;
}

function IncidentRows({ rows, ids, superseded, mayWrite }: IncidentRowsProps) {
  const project = useProject();
  const [selected, setSelected] = useSelection(ids);
  // What was chosen meanwhile stays.
  const bulk = useBulkStep((done) => setSelected((before) => before.filter((id) => !done.some((one) => one.id === id))));
  const { order, set } = useIncidentSearch();
  const columns = useMemo(
    () => incidentColumns(project, { order, set: (next) => set({ order: next }) }),
    [project, order, set],
  );
  const toggle = (index: number) => {
    const id = ids[index];
    if (id && mayWrite) setSelected((before) => (before.includes(id) ? before.filter((one) => one !== id) : [...before, id]));
  };
  const acknowledge = (index: number) => {
    const row = rows[index];
    if (row && mayWrite) bulk.run([row], 'acknowledge');
  };
  const list = useListKeys<HTMLTableElement>({ count: rows.length, on: { x: toggle, a: acknowledge } });
  const chosen = rows.filter((row) => selected.includes(row.id));
  if (rows.length === 0) return <NoIncidents />;
  return (
    <>
      <DataTable
        label="Incidents"
        columns={columns}
        rows={rows}
        rowId={(row) => row.id}
        rowName={(row) => row.key ?? row.title}
        listRef={list}
        {...(mayWrite && { selection: { ids: selected, set: setSelected } })}
      />
      <BulkBar
        count={chosen.length}
        pending={bulk.pending}
        disabled={superseded}
        onStep={(action: StepAction) => bulk.run(chosen, action)}
        onClear={() => setSelected([])}
      />
    </>
  );
}

function NoIncidents() {
  const project = useProject();
  const { status, severity, q, assignee, when } = useIncidentSearch();
  const { range, from } = useSearch({ strict: false });
  // Of all there are none: no filter is in the way.
  const filtered = [severity, q, assignee, when, range, from].some(Boolean) || (status !== 'open' && status !== 'all');
  if (filtered) {
    return (
      <EmptyState
        icon={<IconFlame size={20} />}
        title="No incident matches"
        action={
          <Button
            variant="default"
            renderRoot={(props) => (
              <Link to="/p/$project/incidents" params={{ project }} search={{ status: 'all', range: undefined, from: undefined, to: undefined }} {...props} />
            )}
          >
            Show all incidents
          </Button>
        }
      >
        Try fewer filters, another spelling, or a longer time range.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<IconFlame size={20} />}
      title={status === 'all' ? 'No incidents yet' : 'Nothing is on fire'}
      action={
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/p/$project/getting-started" params={{ project }} {...props} />}
        >
          Connect Alertmanager
        </Button>
      }
    >
      Alerts of one group open one incident, which appears here the moment they fire. You can also declare one yourself.
    </EmptyState>
  );
}
