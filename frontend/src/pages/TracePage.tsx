import { Drawer, SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { traceQuery, type Trace } from '../api/traces';
import { FlameGraph } from '../components/FlameGraph';
import { serviceColors, ServiceName } from '../components/ServiceName';
import { SpanDetails } from '../components/SpanDetails';
import { Waterfall, type TimedSpan } from '../components/Waterfall';
import { useProject } from '../hooks/useProject';
import { CopyIcon } from '../ui/CopyIcon';
import { PageHeader } from '../ui/PageHeader';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { shortDuration } from '../util/numbers';
import { absoluteTime } from '../util/time';
import { spanTree, type SpanTree } from '../util/trace-layout';
import classes from './TracePage.module.css';

export function TracePage() {
  const { trace: id = '' } = useParams({ strict: false });
  const query = useQuery(traceQuery(useProject(), id));
  return (
    <QueryView
      query={query}
      skeleton={
        <div aria-busy="true" aria-label="Loading">
          <PageHeader title="Trace" />
          <Skeleton height={480} radius="md" />
        </div>
      }
    >
      {(trace) => <TraceView key={trace.trace_id} trace={trace} />}
    </QueryView>
  );
}

/** Lines and metrics of a trace are looked for from a little before it to a little after. */
const AROUND_MS = 5 * 60_000;

function TraceView({ trace }: { trace: Trace }) {
  const { tab, span: selected } = useSearch({ strict: false });
  const navigate = useNavigate();
  const { tree, spans, colorOf, services } = useMemo(() => prepared(trace), [trace]);
  const set = (change: { tab?: string | undefined; span?: string | undefined }) =>
    void navigate({ to: '.', search: (before) => ({ ...before, ...change }), resetScroll: false, replace: true });
  const root = tree.roots[0];
  const around = { from: new Date(tree.from - AROUND_MS).toISOString(), to: new Date(tree.to + AROUND_MS).toISOString() };
  const span = spans.find(({ span_id }) => span_id === selected);
  return (
    <>
      <PageHeader
        title={root ? `${root.service}: ${root.name}` : 'Trace'}
        actions={
          <SegmentedControl
            size="xs"
            aria-label="Show as"
            data={[{ value: 'waterfall', label: 'Waterfall' }, { value: 'flame', label: 'Flame graph' }]}
            value={tab === 'flame' ? 'flame' : 'waterfall'}
            onChange={(value) => set({ tab: value === 'waterfall' ? undefined : value })}
          />
        }
      />
      <TraceFacts trace={trace} tree={tree} services={services} colorOf={colorOf} around={around} />
      <section className={classes.view} aria-label={tab === 'flame' ? 'Flame graph' : 'Waterfall'}>
        <PanelBoundary>
          {tab === 'flame' ? (
            <FlameGraph tree={tree} colorOf={colorOf} />
          ) : (
            <Waterfall tree={tree} colorOf={colorOf} selected={selected} onSelect={(id) => set({ span: id })} />
          )}
        </PanelBoundary>
      </section>
      <Drawer
        opened={span !== undefined}
        onClose={() => set({ span: undefined })}
        position="right"
        size={520}
        title={span ? `${span.service} · ${span.name}` : ''}
        overlayProps={{ backgroundOpacity: 0.15 }}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <PanelBoundary>{span && <SpanDetails span={span} trace={trace.trace_id} origin={tree.from} window={around} />}</PanelBoundary>
      </Drawer>
    </>
  );
}

function prepared(trace: Trace): { tree: SpanTree<TimedSpan>; spans: TimedSpan[]; colorOf: (service: string) => string; services: [string, number][] } {
  const spans = trace.spans.map((span): TimedSpan => ({ ...span, start: Date.parse(span.start) + subMilliseconds(span.start) }));
  const counts = new Map<string, number>();
  for (const { service } of spans) counts.set(service, (counts.get(service) ?? 0) + 1);
  return { tree: spanTree(spans), spans, colorOf: serviceColors([...counts.keys()]), services: [...counts] };
}

/** What `Date.parse` leaves of an instant with micro- or nanoseconds. */
function subMilliseconds(instant: string): number {
  const digits = /\.\d{3}(\d{1,6})/.exec(instant)?.[1];
  return digits ? Number(`0.${digits}`) : 0;
}

interface TraceFactsProps {
  trace: Trace;
  tree: SpanTree<TimedSpan>;
  services: readonly [string, number][];
  colorOf: (service: string) => string;
  around: { from: string; to: string };
}

function TraceFacts({ trace, tree, services, colorOf, around }: TraceFactsProps) {
  const project = useProject();
  const errors = trace.spans.filter(({ status }) => status === 'error').length;
  return (
    <div className={classes.facts}>
      <dl className={classes.numbers}>
        <Fact name="Duration">{shortDuration(tree.to - tree.from)}</Fact>
        <Fact name="Spans">{trace.spans.length}</Fact>
        <Fact name="Errors">{errors > 0 ? <span className={classes.errors}>{errors}</span> : '0'}</Fact>
        <Fact name="Started">{absoluteTime(tree.from)}</Fact>
        <Fact name="Trace id">
          <span className="mono">{trace.trace_id}</span> <CopyIcon value={trace.trace_id} label="Copy the trace id" />
        </Fact>
      </dl>
      <ul className={classes.services} aria-label="Services">
        {services.map(([service, count]) => (
          <li key={service}>
            <ServiceName service={service} color={colorOf(service)} /> <span className="dim tabular">{count}</span>
          </li>
        ))}
        <li className={classes.logs}>
          <Link to="/p/$project/logs" params={{ project }} search={{ ...around, q: `trace_id:${trace.trace_id}` }}>
            Lines of this trace
          </Link>
        </li>
      </ul>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
