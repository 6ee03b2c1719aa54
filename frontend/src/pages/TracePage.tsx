import { Button, Drawer, SegmentedControl, Skeleton } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconTimeline } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { asProblem } from '../api/problem';
import { traceQuery, type Trace } from '../api/traces';
import { FlameGraph } from '../components/FlameGraph';
import { serviceColors, ServiceName } from '../components/ServiceName';
import { SpanDetails } from '../components/SpanDetails';
import { Waterfall, type TimedSpan } from '../components/Waterfall';
import { useProject } from '../hooks/useProject';
import { CopyIcon } from '../ui/CopyIcon';
import { EmptyState } from '../ui/EmptyState';
import { PageHeader } from '../ui/PageHeader';
import { Panel } from '../ui/Panel';
import { PanelBoundary } from '../ui/PanelBoundary';
import { ProblemAlert } from '../ui/ProblemAlert';
import { QueryView } from '../ui/QueryView';
import { exactCount, shortDuration } from '../util/numbers';
import { absoluteTime } from '../util/time';
import { nextOf, spanTree, visibleRows, type SpanTree } from '../util/trace-layout';
import classes from './TracePage.module.css';

export function TracePage() {
  const { trace: id = '' } = useParams({ strict: false });
  const query = useQuery(traceQuery(useProject(), id));
  if (query.data === undefined && query.error && asProblem(query.error).status === 404) {
    return <NoTrace id={id} retry={() => void query.refetch()} />;
  }
  if (query.data === undefined && query.error) {
    return (
      <>
        <PageHeader title="Trace" />
        <ProblemAlert problem={asProblem(query.error)} retry={() => void query.refetch()} />
      </>
    );
  }
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
  const { tree, order, spans, colorOf, services } = useMemo(() => prepared(trace), [trace]);
  const set = (change: { tab?: string | undefined; span?: string | undefined }) =>
    void navigate({ to: '.', search: (before) => ({ ...before, ...change }), resetScroll: false, replace: true });
  const root = tree.roots[0];
  const around = { from: new Date(tree.from - AROUND_MS).toISOString(), to: new Date(tree.to + AROUND_MS).toISOString() };
  const span = spans.find(({ span_id }) => span_id === selected);
  const failed = useMemo(() => new Set(spans.flatMap(({ span_id, status }) => (status === 'error' ? [span_id] : []))), [spans]);
  const nextFailed = nextOf(order, failed, span?.span_id);
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
      <TraceFacts
        trace={trace}
        tree={tree}
        services={services}
        colorOf={colorOf}
        around={around}
        failed={failed.size}
        onFailed={() => set({ span: nextFailed })}
      />
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
        <PanelBoundary>
          {span && (
            <>
              <SpanSteps order={order} at={order.indexOf(span.span_id)} failed={nextFailed} onStep={(id) => set({ span: id })} />
              <SpanDetails span={span} trace={trace.trace_id} origin={tree.from} window={around} />
            </>
          )}
        </PanelBoundary>
      </Drawer>
    </>
  );
}

interface SpanStepsProps {
  order: readonly string[];
  at: number;
  /** The next span with an error; this one where there is no other. */
  failed: string | undefined;
  onStep: (id: string) => void;
}

/** From span to span in the waterfall's order, without closing the details in between. */
function SpanSteps({ order, at, failed, onStep }: SpanStepsProps) {
  const step = (to: number) => {
    const id = order[to];
    if (id) onStep(id);
  };
  return (
    <nav className={classes.steps} aria-label="Spans of this trace">
      <Button size="compact-sm" variant="default" leftSection={<IconArrowUp size={14} />} disabled={at <= 0} onClick={() => step(at - 1)}>
        Previous span
      </Button>
      <Button size="compact-sm" variant="default" leftSection={<IconArrowDown size={14} />} disabled={at + 1 >= order.length} onClick={() => step(at + 1)}>
        Next span
      </Button>
      {failed !== undefined && (
        <Button size="compact-sm" variant="default" disabled={failed === order[at]} onClick={() => onStep(failed)}>
          Next error
        </Button>
      )}
      <span className="dim tabular">
        {exactCount(at + 1)} of {exactCount(order.length)}
      </span>
    </nav>
  );
}

/** Exemplars and lines lead to traces that nobody kept. */
function NoTrace({ id, retry }: { id: string; retry: () => void }) {
  return (
    <>
      <PageHeader title="Trace" />
      <Panel title={id}>
        <EmptyState
          icon={<IconTimeline size={20} />}
          title="This trace is not here"
          action={
            <Button variant="default" onClick={retry}>
              Try again
            </Button>
          }
        >
          Sampling may have left it out, it may be older than the project keeps traces, or its spans are still on their way.
        </EmptyState>
      </Panel>
    </>
  );
}

const NONE: ReadonlySet<string> = new Set();

function prepared(trace: Trace): { tree: SpanTree<TimedSpan>; order: string[]; spans: TimedSpan[]; colorOf: (service: string) => string; services: [string, number][] } {
  const spans = trace.spans.map((span): TimedSpan => ({ ...span, start: Date.parse(span.start) + subMilliseconds(span.start) }));
  const counts = new Map<string, number>();
  for (const { service } of spans) counts.set(service, (counts.get(service) ?? 0) + 1);
  const tree = spanTree(spans);
  return { tree, order: visibleRows(tree, NONE).map(({ span }) => span.span_id), spans, colorOf: serviceColors([...counts.keys()]), services: [...counts] };
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
  failed: number;
  /** Opens the first span with an error. */
  onFailed: () => void;
}

function TraceFacts({ trace, tree, services, colorOf, around, failed, onFailed }: TraceFactsProps) {
  const project = useProject();
  return (
    <div className={classes.facts}>
      <dl className={classes.numbers}>
        <Fact name="Duration">{shortDuration(tree.to - tree.from)}</Fact>
        <Fact name="Spans">{exactCount(trace.spans.length)}</Fact>
        <Fact name="Errors">
          {failed > 0 ? (
            <button type="button" className={classes.errors} aria-label={`${exactCount(failed)} with errors: open the first`} onClick={onFailed}>
              {exactCount(failed)}
            </button>
          ) : (
            '0'
          )}
        </Fact>
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
