import { Button, Chip, Group, SegmentedControl, Select } from '@mantine/core';
import { IconFlame, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { may } from '../api/auth';
import { incidentListQuery, type IncidentFilter } from '../api/incidents';
import { membersQuery } from '../api/tenant';
import { SEVERITIES, type Incident, type StepAction } from '../api/types';
import { BulkBar } from '../components/BulkBar';
import { incidentColumns, type ListOrder } from '../components/incident-columns';
import { SeverityBadge } from '../components/SeverityBadge';
import { useBulkStep } from '../hooks/useBulkStep';
import { useKeepLoaded } from '../hooks/useKeepLoaded';
import { useListKeys } from '../hooks/useListKeys';
import { useMe, useProject } from '../hooks/useProject';
import { useTimeRange } from '../hooks/useTimeRange';
import { DataTable } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { LoadMore } from '../ui/LoadMore';
import { PageHeader } from '../ui/PageHeader';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { SearchInput } from '../ui/SearchInput';
import { resolveRange, type RangeSearch } from '../util/range';
import classes from './ListPage.module.css';

const STATES = [
  { value: 'open', label: 'Open' },
  { value: 'resolved,learned', label: 'Resolved' },
  { value: 'all', label: 'All' },
];

const ORDERS = { worst: 'worst_first', oldest: 'oldest_first' } as const;

interface Keyed extends RangeSearch, Pick<IncidentFilter, 'status' | 'severity' | 'q' | 'assignee'> {
  order: ListOrder;
}

function toFilter({ status, order, severity, q, assignee, ...range }: Keyed): IncidentFilter {
  return {
    status: status === 'all' ? undefined : status,
    order: order && ORDERS[order],
    severity,
    q,
    assignee,
    ...resolveRange(range, Date.now()),
  };
}

/** An order that nobody knows is the usual one. */
function useOrder(): ListOrder {
  const { order } = useSearch({ strict: false });
  return order === 'worst' || order === 'oldest' ? order : undefined;
}

export function IncidentsPage() {
  const project = useProject();
  const search = useSearch({ strict: false });
  const range = useTimeRange('all');
  const me = useMe();
  const order = useOrder();
  const { status = 'open', severity, q, assignee } = search;
  const keyed = useMemo(
    () => ({ status, order, severity, q, assignee, ...range }),
    [status, order, severity, q, assignee, range],
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
      <Filters />
      <div className={classes.list}>
        <PanelBoundary>
          <QueryView query={query} skeleton={<RowSkeleton rows={12} height={41} />}>
            {() => <IncidentRows rows={rows} mayWrite={may(me, 'incident.work')} />}
          </QueryView>
        </PanelBoundary>
      </div>
      <LoadMore query={query} />
    </>
  );
}

function Filters() {
  const project = useProject();
  const { status = 'open', severity, q = '', assignee } = useSearch({ strict: false });
  const me = useMe();
  const members = useQuery(membersQuery(project));
  const navigate = useNavigate();
  const set = (change: Partial<IncidentFilter>) =>
    void navigate({ to: '.', search: (before) => ({ ...before, ...change }), replace: true });
  return (
    <div className={classes.filters} role="search" aria-label="Filter incidents">
      <SegmentedControl
        size="xs"
        aria-label="Status"
        data={STATES}
        value={STATES.some((state) => state.value === status) ? status : 'all'}
        onChange={(value) => set({ status: value === 'open' ? undefined : value })}
      />
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
        data={(members.data ?? []).map((member) => ({
          value: member.user_id,
          label: member.user_id === me?.user.id ? `${member.name} (you)` : member.name,
        }))}
      />
      <SearchInput label="Search incidents" value={q} onChange={(value) => set({ q: value || undefined })} />
    </div>
  );
}

function IncidentRows({ rows, mayWrite }: { rows: readonly Incident[]; mayWrite: boolean }) {
  const project = useProject();
  const [selected, setSelected] = useState<readonly string[]>([]);
  const bulk = useBulkStep(() => setSelected([]));
  const order = useOrder();
  const navigate = useNavigate();
  const columns = useMemo(() => {
    const set = (next: ListOrder) =>
      void navigate({ to: '.', search: (before) => ({ ...before, order: next }), replace: true });
    return incidentColumns(project, { order, set });
  }, [project, order, navigate]);
  const toggle = (index: number) => {
    const id = rows[index]?.id;
    if (id) setSelected((ids) => (ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]));
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
        onStep={(action: StepAction) => bulk.run(chosen, action)}
        onClear={() => setSelected([])}
      />
    </>
  );
}

function NoIncidents() {
  const project = useProject();
  const { status, severity, q, assignee, range, from } = useSearch({ strict: false });
  const filtered = [severity, q, assignee, range, from].some(Boolean) || (status ?? 'open') !== 'open';
  if (filtered) {
    return (
      <EmptyState
        icon={<IconFlame size={20} />}
        title="No incident matches"
        action={
          <Button
            variant="default"
            renderRoot={(props) => (
              <Link to="/p/$project/incidents" params={{ project }} search={{ status: 'all' }} {...props} />
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
      title="Nothing is on fire"
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
