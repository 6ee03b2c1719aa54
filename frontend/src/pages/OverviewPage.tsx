import { Skeleton } from '@mantine/core';
import { IconFlame } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { incidentListQuery, incidentStatsQuery } from '../api/incidents';
import type { Incident, IncidentStats } from '../api/types';
import { incidentColumns } from '../components/incident-columns';
import { OverviewNumbers } from '../components/OverviewNumbers';
import { RecentActivity } from '../components/RecentActivity';
import { useListKeys } from '../hooks/useListKeys';
import { useProject } from '../hooks/useProject';
import { useTimeRange } from '../hooks/useTimeRange';
import { DataTable } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { PageHeader } from '../ui/PageHeader';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { exactCount } from '../util/numbers';
import { rangeLabel, resolveRange, type RangeSearch } from '../util/range';
import classes from './OverviewPage.module.css';

const TimeBars = lazy(async () => ({ default: (await import('../ui/TimeBars')).TimeBars }));

const CHART_HEIGHT = 180;
const OPEN_SHOWN = 8;

function rangeOf(range: RangeSearch) {
  return resolveRange(range, Date.now());
}

export function OverviewPage() {
  const project = useProject();
  const range = useTimeRange('30d');
  const stats = useQuery(incidentStatsQuery(project, range, rangeOf));
  return (
    <>
      <PageHeader title="Overview" />
      <div className={classes.grid}>
        <section aria-label="Numbers" className={classes.numbers}>
          <QueryView query={stats} skeleton={<Skeleton height={108} radius="md" />}>
            {(data) => <OverviewNumbers stats={data} range={range} />}
          </QueryView>
        </section>
        <div className={classes.main}>
          <OpenIncidents />
          <Panel title={`Incidents per day · ${rangeLabel(range)}`}>
            <QueryView query={stats} skeleton={<Skeleton height={CHART_HEIGHT + 90} />}>
              {(data) => <PerDay stats={data} />}
            </QueryView>
          </Panel>
        </div>
        <ActivityPanel />
      </div>
    </>
  );
}

const OPEN = { status: 'open', order: 'worst_first' } as const;
const ANY = {};

function OpenIncidents() {
  const project = useProject();
  const query = useInfiniteQuery(incidentListQuery(project, OPEN, (keyed) => keyed));
  return (
    <Panel
      title="Open incidents"
      flush
      actions={
        <Link to="/p/$project/incidents" params={{ project }} search={{ range: undefined, from: undefined, to: undefined }}>
          See all
        </Link>
      }
    >
      <QueryView query={query} skeleton={<RowSkeleton rows={4} height={41} />}>
        {(data) => <OpenRows rows={data.pages.flatMap((page) => page.items).slice(0, OPEN_SHOWN)} />}
      </QueryView>
    </Panel>
  );
}

function OpenRows({ rows }: { rows: readonly Incident[] }) {
  const project = useProject();
  const columns = useMemo(
    () => incidentColumns(project).filter(({ id }) => id !== 'alerts' && id !== 'opened'),
    [project],
  );
  const list = useListKeys<HTMLTableElement>({ count: rows.length });
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconFlame size={20} />} title="Nothing is on fire">
        New incidents appear here by themselves. No alerts yet?{' '}
        <Link to="/p/$project/getting-started" params={{ project }}>
          Connect Alertmanager
        </Link>
        .
      </EmptyState>
    );
  }
  return <DataTable label="Open incidents" columns={columns} rows={rows} rowId={(row) => row.id} listRef={list} />;
}

function PerDay({ stats }: { stats: IncidentStats }) {
  const chart = useMemo(
    () => ({
      times: stats.per_day.map(({ day }) => Date.parse(day) / 1000),
      series: [
        { name: 'Opened', color: '--chart-opened', values: stats.per_day.map(({ opened }) => opened) },
        { name: 'Resolved', color: '--chart-resolved', values: stats.per_day.map(({ resolved }) => resolved) },
      ] as const,
    }),
    [stats],
  );
  return (
    <Suspense fallback={<Skeleton height={CHART_HEIGHT + 90} />}>
      <TimeBars label="Incidents opened and resolved per day (UTC)" height={CHART_HEIGHT} {...chart} />
    </Suspense>
  );
}

function ActivityPanel() {
  const project = useProject();
  const query = useInfiniteQuery(incidentListQuery(project, ANY, (keyed) => keyed));
  return (
    <Panel title="Recent activity">
      <QueryView query={query} skeleton={<RowSkeleton rows={8} />}>
        {(data) => {
          const incidents = data.pages.flatMap((page) => page.items);
          return (
            <>
              <RecentActivity incidents={incidents} />
              {query.hasNextPage && (
                <p className="dim" style={{ margin: '12px 0 0' }}>
                  Of the {exactCount(incidents.length)} incidents that began last.
                </p>
              )}
            </>
          );
        }}
      </QueryView>
    </Panel>
  );
}
