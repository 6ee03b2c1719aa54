import { Drawer, SegmentedControl } from '@mantine/core';
import { IconBellRinging } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { alertListQuery, alertQuery } from '../api/alerts';
import type { Alert } from '../api/types';
import { alertColumns } from '../components/alert-columns';
import { AlertDetails } from '../components/AlertDetails';
import { useKeepLoaded } from '../hooks/useKeepLoaded';
import { useListKeys } from '../hooks/useListKeys';
import { useProject } from '../hooks/useProject';
import { DataTable } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { LoadMore } from '../ui/LoadMore';
import { PageHeader } from '../ui/PageHeader';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { SearchInput } from '../ui/SearchInput';
import classes from './ListPage.module.css';

const STATES = [
  { value: 'firing', label: 'Firing' },
  { value: 'resolved', label: 'Resolved' },
  { value: 'all', label: 'All' },
];

export function AlertsPage() {
  const project = useProject();
  const { status = 'firing', q = '' } = useSearch({ strict: false });
  const navigate = useNavigate();
  const filter = useMemo(() => ({ status: status === 'all' ? undefined : status, q }), [status, q]);
  const query = useInfiniteQuery(alertListQuery(project, filter));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const ids = useMemo(() => rows.map((row) => row.id), [rows]);
  useKeepLoaded(query, ids, filter);
  const set = (change: { status?: string | undefined; q?: string | undefined }) =>
    void navigate({ to: '.', search: (before) => ({ ...before, ...change }), replace: true });
  return (
    <>
      <PageHeader title="Alerts" />
      <div className={classes.filters} role="search" aria-label="Filter alerts">
        <SegmentedControl
          size="xs"
          aria-label="Status"
          data={STATES}
          value={status}
          onChange={(value) => set({ status: value === 'firing' ? undefined : value })}
        />
        <SearchInput label="Search alerts" value={q} onChange={(value) => set({ q: value || undefined })} />
      </div>
      <div className={classes.list}>
        <PanelBoundary>
          <QueryView query={query} skeleton={<RowSkeleton rows={12} height={41} />}>
            {() => <AlertRows rows={rows} filtered={q !== '' || status !== 'firing'} />}
          </QueryView>
        </PanelBoundary>
      </div>
      <LoadMore query={query} />
      <AlertDrawer />
    </>
  );
}

function AlertRows({ rows, filtered }: { rows: readonly Alert[]; filtered: boolean }) {
  const project = useProject();
  const columns = useMemo(() => alertColumns(project), [project]);
  const list = useListKeys<HTMLTableElement>({ count: rows.length });
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconBellRinging size={20} />} title={filtered ? 'No alert matches' : 'Nothing is firing'}>
        {filtered ? (
          'Try another spelling or all states.'
        ) : (
          <>
            Alerts arrive from Alertmanager. <Link to="/p/$project/getting-started" params={{ project }}>Connect yours</Link>.
          </>
        )}
      </EmptyState>
    );
  }
  return (
    <DataTable
      label="Alerts"
      columns={columns}
      rows={rows}
      rowId={(row) => row.id}
      listRef={list}
      isDim={(row) => row.status === 'resolved'}
    />
  );
}

/** The alert that the URL names, over the list. */
function AlertDrawer() {
  const project = useProject();
  const { alert: id } = useSearch({ strict: false });
  const navigate = useNavigate();
  const query = useQuery({ ...alertQuery(project, id ?? ''), enabled: Boolean(id) });
  const close = () => void navigate({ to: '.', search: (before) => ({ ...before, alert: undefined }) });
  return (
    <Drawer
      opened={Boolean(id)}
      onClose={close}
      position="right"
      size={460}
      title={query.data?.name ?? 'Alert'}
      overlayProps={{ backgroundOpacity: 0.25 }}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <PanelBoundary>
        <QueryView query={query} skeleton={<RowSkeleton rows={8} />}>
          {(alert) => <AlertDetails alert={alert} />}
        </QueryView>
      </PanelBoundary>
    </Drawer>
  );
}
