import { Button, Drawer, SegmentedControl } from '@mantine/core';
import { IconBellRinging } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { alertListQuery, alertQuery } from '../api/alerts';
import type { Alert } from '../api/types';
import { AddressNotice } from '../components/AddressNotice';
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
import { Superseded } from '../ui/Superseded';
import { isId, readOne, readWhere, unreadOf } from '../util/address';
import classes from './ListPage.module.css';

const STATES = [
  { value: 'firing', label: 'Firing' },
  { value: 'resolved', label: 'Resolved' },
  { value: 'all', label: 'All' },
];

/** Which alerts the URL asks for, and which of them is open; what the server would refuse is left out and told. */
function useAlertSearch() {
  const { q = '', ...search } = useSearch({ strict: false });
  const status = readOne(search.status, ['firing', 'resolved', 'all'] as const);
  const alert = readWhere(search.alert, isId);
  return {
    q,
    status: status.used ?? 'firing',
    alert: alert.used,
    unread: unreadOf(
      { values: status.unread, is: 'no status of alerts', are: 'no statuses of alerts', instead: 'There are firing, resolved and all.' },
      { values: alert.unread, is: 'no id of an alert', are: 'no ids of alerts', instead: 'Choose the alert from the list.' },
    ),
  };
}

export function AlertsPage() {
  const project = useProject();
  const { status, q, unread } = useAlertSearch();
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
      <AddressNotice unread={unread} />
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
            {() => (
              <Superseded when={query.isPlaceholderData} empty={rows.length === 0} skeleton={<RowSkeleton rows={12} height={41} />}>
                <AlertRows rows={rows} status={status} q={q} />
              </Superseded>
            )}
          </QueryView>
        </PanelBoundary>
      </div>
      <LoadMore query={query} />
      <AlertDrawer />
    </>
  );
}

function AlertRows({ rows, status, q }: { rows: readonly Alert[]; status: string; q: string }) {
  // Of all there are none: no filter is in the way.
  const filtered = q !== '' || status === 'resolved';
  const project = useProject();
  const columns = useMemo(() => alertColumns(project), [project]);
  const list = useListKeys<HTMLTableElement>({ count: rows.length });
  if (rows.length === 0) {
    return (
      <EmptyState
        icon={<IconBellRinging size={20} />}
        title={filtered ? 'No alert matches' : status === 'all' ? 'No alerts yet' : 'Nothing is firing'}
        action={
          filtered && (
            <Button
              variant="default"
              renderRoot={(props) => <Link to="/p/$project/alerts" params={{ project }} search={{ status: 'all', q: undefined }} {...props} />}
            >
              Show all alerts
            </Button>
          )
        }
      >
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
  const { alert: id } = useAlertSearch();
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
