import { SegmentedControl, Skeleton } from '@mantine/core';
import { IconTimeline } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { arrivalQuery } from '../api/arrival';
import { durationsQuery, heatmapQuery, traceListQuery, type TraceFilter, type TraceHeatmap, type TracePoint, type TraceSummary } from '../api/traces';
import { AddressNotice } from '../components/AddressNotice';
import { FirstSignal } from '../components/FirstSignal';
import { SavedViews } from '../components/SavedViews';
import { serviceColors } from '../components/ServiceName';
import { traceColumns } from '../components/trace-columns';
import { TraceSearchForm } from '../forms/TraceSearchForm';
import { useListKeys } from '../hooks/useListKeys';
import { useProject } from '../hooks/useProject';
import { useTimeRange } from '../hooks/useTimeRange';
import { useZoom } from '../hooks/useZoom';
import { DataTable } from '../ui/DataTable';
import { DownloadCsv } from '../ui/DownloadCsv';
import { EmptyState } from '../ui/EmptyState';
import { LoadMore } from '../ui/LoadMore';
import { PageHeader } from '../ui/PageHeader';
import { Panel } from '../ui/Panel';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { Superseded } from '../ui/Superseded';
import { heatCells, narrowedTo, type HeatCell } from '../util/heatmap';
import { exactCount, percent, shortDuration } from '../util/numbers';
import { instants, type RangeSearch } from '../util/range';
import { traceRows } from '../util/table-files';
import { clockOn } from '../util/time';
import { traceFilter, unreadTraces, type TraceSearch } from '../util/trace-search';
import classes from './TracesPage.module.css';

const Heatmap = lazy(async () => ({ default: (await import('../ui/Heatmap')).Heatmap }));
const Scatter = lazy(async () => ({ default: (await import('../ui/Scatter')).Scatter }));

const CHART_HEIGHT = 220;
const NO_SEARCH: TraceSearch = { service: undefined, operation: undefined, q: undefined, min: undefined, max: undefined, errors: undefined };

export function TracesPage() {
  const arrived = useQuery(arrivalQuery(useProject(), 'traces'));
  return (
    <>
      <PageHeader title="Traces" />
      <PanelBoundary>
        <QueryView query={arrived} skeleton={<Skeleton height={420} aria-busy="true" aria-label="Loading" />}>
          {(any) => (any ? <Explorer /> : <NoTraces />)}
        </QueryView>
      </PanelBoundary>
    </>
  );
}

function NoTraces() {
  return (
    <FirstSignal sent="traces" title="Connect your traces" unit="trace">
      Any OpenTelemetry SDK, agent or Collector sends its spans here over OTLP. Each trace becomes a waterfall, and all of them together the map of
      your services.
    </FirstSignal>
  );
}

function Explorer() {
  const navigate = useNavigate();
  const { service, operation, q, min, max, errors } = useSearch({ strict: false });
  const search = useMemo((): TraceSearch => ({ service, operation, q, min, max, errors }), [service, operation, q, min, max, errors]);
  const filter = useMemo(() => traceFilter(search), [search]);
  const range = useTimeRange('1h');
  const set = (next: TraceSearch) => void navigate({ to: '.', search: (before) => ({ ...before, ...next }), resetScroll: false });
  return (
    <>
      <AddressNotice unread={unreadTraces(search)} />
      <div className={classes.search}>
        <TraceSearchForm search={search} onSearch={set} />
        <div className={classes.views}>
          <SavedViews page="traces" current={{ ...search }} onOpen={(saved) => set({ ...NO_SEARCH, ...saved })} />
        </div>
      </div>
      <div className={classes.stack}>
        <Durations filter={filter} range={range} />
        <TraceList filter={filter} range={range} />
      </div>
    </>
  );
}

interface FoundProps {
  filter: TraceFilter;
  range: RangeSearch;
}

function Durations({ filter, range }: FoundProps) {
  const navigate = useNavigate();
  const shown = useSearch({ strict: false }).tab === 'heatmap' ? 'heatmap' : 'traces';
  const choice = (
    <SegmentedControl
      size="xs"
      aria-label="Durations as"
      value={shown}
      onChange={(tab) => void navigate({ to: '.', search: (before) => ({ ...before, tab: tab === 'heatmap' ? tab : undefined }), resetScroll: false })}
      data={[
        { value: 'traces', label: 'Traces' },
        { value: 'heatmap', label: 'Heatmap' },
      ]}
    />
  );
  return (
    <Panel title="Durations" actions={choice}>
      {shown === 'heatmap' ? <SpanHeatmap filter={filter} range={range} /> : <Points filter={filter} range={range} />}
    </Panel>
  );
}

const chartSkeleton = <Skeleton height={CHART_HEIGHT + 24} aria-busy="true" aria-label="Loading" />;

function Points({ filter, range }: FoundProps) {
  const query = useQuery(durationsQuery(useProject(), filter, range, () => instants(range)));
  return (
    <QueryView query={query} skeleton={chartSkeleton}>
      {({ points, window }) => (
        <Superseded when={query.isPlaceholderData}>
          <DurationChart points={points} window={window} />
        </Superseded>
      )}
    </QueryView>
  );
}

function SpanHeatmap({ filter, range }: FoundProps) {
  const query = useQuery(heatmapQuery(useProject(), filter, range, () => instants(range)));
  return (
    <QueryView query={query} skeleton={chartSkeleton}>
      {({ heatmap, window }) => (
        <Superseded when={query.isPlaceholderData} empty={heatmap.count === 0} skeleton={chartSkeleton}>
          {heatmap.count > 0 ? (
            <HeatmapChart heatmap={heatmap} window={window} />
          ) : (
            <EmptyState icon={<IconTimeline size={20} />} title="No span matches">
              Take a condition away, or choose a longer range.
            </EmptyState>
          )}
        </Superseded>
      )}
    </QueryView>
  );
}

function HeatmapChart({ heatmap, window }: { heatmap: TraceHeatmap; window: { from: string; to: string } }) {
  const navigate = useNavigate();
  const zoom = useZoom();
  const cells = useMemo(() => heatCells(heatmap.cells, heatmap.step_seconds), [heatmap]);
  const narrow = (cell: HeatCell) => void navigate({ to: '.', search: (before) => ({ ...before, range: undefined, ...narrowedTo(cell) }) });
  return (
    <>
      <Suspense fallback={<Skeleton height={CHART_HEIGHT} />}>
        <Heatmap
          label={`${exactCount(heatmap.count)} spans by time and duration, ${exactCount(heatmap.errors)} with errors`}
          cells={cells}
          from={Date.parse(window.from) / 1000}
          to={Date.parse(window.to) / 1000}
          text={shortDuration}
          about={cellLines}
          height={CHART_HEIGHT}
          onOpen={narrow}
          onZoom={zoom}
        />
      </Suspense>
      <p className={classes.legend}>
        <span className={classes.cell} aria-hidden /> {exactCount(heatmap.count)} spans
        <span className={classes.share} aria-hidden /> {exactCount(heatmap.errors)} with errors
        {!heatmap.complete && <span>· of the newest only</span>}
        <span className={classes.hint}>Click narrows the search to a cell, dragging narrows the range.</span>
      </p>
    </>
  );
}

function cellLines(cell: HeatCell): string[] {
  const long = cell.most === undefined ? `${shortDuration(cell.least)} and longer` : `${shortDuration(cell.least)} to ${shortDuration(cell.most)}`;
  const failed = cell.errors > 0 ? [`${exactCount(cell.errors)} with errors (${percent(cell.errors / cell.count)})`] : [];
  return [`${clockOn(cell.from * 1000, Date.now())} to ${clockOn(cell.to * 1000, Date.now())}`, long, `${exactCount(cell.count)} spans`, ...failed];
}

function DurationChart({ points, window }: { points: readonly TracePoint[]; window: { from: string; to: string } }) {
  const project = useProject();
  const navigate = useNavigate();
  const zoom = useZoom();
  const marks = useMemo(
    () =>
      points.map((point) => ({
        id: point.trace_id,
        time: Date.parse(point.start) / 1000,
        value: Math.max(point.duration_ms, 0.001),
        bad: point.error,
        name: [point.root_service, point.root_operation].filter(Boolean).join(' · ') || point.trace_id,
      })),
    [points],
  );
  const failed = points.filter(({ error }) => error).length;
  return (
    <>
      <Suspense fallback={<Skeleton height={CHART_HEIGHT} />}>
        <Scatter
          label={`Durations of ${points.length} traces over time, ${failed} with errors`}
          points={marks}
          from={Date.parse(window.from) / 1000}
          to={Date.parse(window.to) / 1000}
          text={shortDuration}
          height={CHART_HEIGHT}
          onOpen={(trace) => void navigate({ to: '/p/$project/traces/$trace', params: { project, trace } })}
          onZoom={zoom}
        />
      </Suspense>
      <p className={classes.legend}>
        <span className={classes.good} aria-hidden /> {exactCount(points.length - failed)} without errors
        <span className={classes.bad} aria-hidden /> {exactCount(failed)} with errors
        <span className={classes.hint}>Click opens a trace, dragging narrows the range.</span>
      </p>
    </>
  );
}

function TraceList({ filter, range }: FoundProps) {
  const query = useInfiniteQuery(traceListQuery(useProject(), filter, range, () => instants(range)));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return (
    <>
      <Panel
        title="Traces"
        flush
        actions={rows.length > 0 && <DownloadCsv label="Download these traces as CSV" name="traces" rows={() => traceRows(rows)} />}
      >
        <QueryView query={query} skeleton={<RowSkeleton rows={12} height={41} />}>
          {() => (
            <Superseded when={query.isPlaceholderData} empty={rows.length === 0} skeleton={<RowSkeleton rows={12} height={41} />}>
              <TraceRows rows={rows} />
            </Superseded>
          )}
        </QueryView>
      </Panel>
      <LoadMore query={query} />
    </>
  );
}

function TraceRows({ rows }: { rows: readonly TraceSummary[] }) {
  const project = useProject();
  const list = useListKeys<HTMLTableElement>({ count: rows.length });
  const columns = useMemo(() => {
    const longest = rows.reduce((most, row) => Math.max(most, row.duration_ms), 0);
    return traceColumns(project, longest, serviceColors(rows.flatMap(({ services }) => services)));
  }, [project, rows]);
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconTimeline size={20} />} title="No trace matches">
        Take a condition away, or choose a longer range.
      </EmptyState>
    );
  }
  return <DataTable label="Traces" columns={columns} rows={rows} rowId={(row) => row.trace_id} listRef={list} />;
}
