import { Button, SegmentedControl, Select, Skeleton } from '@mantine/core';
import { IconChartLine, IconListSearch, IconPlayerPlay, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { arrivalQuery } from '../api/arrival';
import { asProblem } from '../api/problem';
import { metadataQuery, type InstantResult } from '../api/prometheus';
import { AddressNotice } from '../components/AddressNotice';
import { FirstSignal } from '../components/FirstSignal';
import { MetricBrowser } from '../components/MetricBrowser';
import { QueryRow } from '../components/QueryRow';
import { SamplesTable } from '../components/SamplesTable';
import { SavedViews } from '../components/SavedViews';
import { useInstantResults, useQueryTexts, useRangeResults } from '../hooks/useMetricQueries';
import { useProject } from '../hooks/useProject';
import { useTimeRange } from '../hooks/useTimeRange';
import { DownloadCsv } from '../ui/DownloadCsv';
import { EmptyState } from '../ui/EmptyState';
import { PageHeader } from '../ui/PageHeader';
import { Panel } from '../ui/Panel';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { readWhere, unreadOf } from '../util/address';
import { modKey } from '../util/keyboard';
import { exemplarDots, metricChart } from '../util/metric-chart';
import { familyOf, lettersOf, type QueryTexts } from '../util/metric-queries';
import { rangeLabel, type RangeSearch } from '../util/range';
import { sampleRows } from '../util/samples';
import { parseSeconds } from '../util/steps';
import { unitOf, type MetricUnit } from '../util/units';
import classes from './MetricsPage.module.css';

const MetricsGraph = lazy(async () => ({ default: (await import('../components/MetricsGraph')).MetricsGraph }));

export function MetricsPage() {
  const arrived = useQuery(arrivalQuery(useProject(), 'metrics'));
  return (
    <>
      <PageHeader title="Metrics" />
      <PanelBoundary>
        <QueryView query={arrived} skeleton={<Skeleton height={420} aria-busy="true" aria-label="Loading" />}>
          {(any) => (any ? <Explorer /> : <NoMetrics />)}
        </QueryView>
      </PanelBoundary>
    </>
  );
}

function NoMetrics() {
  return (
    <FirstSignal sent="metrics" title="Connect your metrics" unit="sample">
      Prometheus keeps scraping as it does and writes every sample here too; applications with OpenTelemetry send directly. Ask with PromQL, on
      this page or from Grafana.
    </FirstSignal>
  );
}

const STEPS = ['5s', '15s', '30s', '1m', '5m', '15m', '1h', '6h', '1d'];
const WIDE = 1100;

/** A step that only a link asks for is offered for as long as it is chosen. */
function stepsWith(step: string | undefined): string[] {
  return step === undefined || STEPS.includes(step) ? STEPS : [...STEPS, step];
}

function Explorer() {
  const { tab = 'graph', ...search } = useSearch({ strict: false });
  const { used: step, unread } = readWhere(search.step, (text) => parseSeconds(text) !== undefined);
  const queries = useQueryTexts();
  const range = useTimeRange('1h');
  const [browsing, setBrowsing] = useState(() => window.innerWidth >= WIDE);
  const graph = useRangeResults(queries.ran, queries.hidden, range, step, tab !== 'table');
  const instant = useInstantResults(queries.ran, queries.hidden, range, tab === 'table');
  const results = tab === 'table' ? instant : graph;
  const unit = useUnit(queries.ran, queries.hidden);
  const choose = (expr: string) => {
    const free = queries.letters.find((letter) => queries.textOf(letter) === '') ?? queries.letters.at(-1) ?? 'a';
    queries.run({ [free]: expr });
  };
  return (
    <>
      <AddressNotice unread={unreadOf({ values: unread, is: 'no step', are: 'no steps', instead: 'Write one as in 15s or 5m.' })} />
      <div className={classes.grid} data-browsing={browsing || undefined}>
        <section className={classes.queries} aria-label="Queries">
          {queries.letters.map((letter) => {
            const result = results.find((one) => one.letter === letter)?.answer;
            return (
              <QueryRow
                key={letter}
                letter={letter}
                text={queries.textOf(letter)}
                ran={queries.ran[letter]}
                hidden={queries.hidden.has(letter)}
                problem={result?.error ? asProblem(result.error) : null}
                warnings={result?.data?.warnings ?? []}
                removable={queries.letters.length > 1}
                onChange={(text) => queries.type(letter, text)}
                onRun={() => queries.run()}
                onToggle={() => queries.toggle(letter)}
                onRemove={() => queries.remove(letter)}
              />
            );
          })}
          <div className={classes.bar}>
            <Button leftSection={<IconPlayerPlay size={14} />} onClick={() => queries.run()} title={`${modKey()}-Enter`}>
              Run
            </Button>
            <Button variant="default" leftSection={<IconPlus size={14} />} disabled={!queries.mayAdd} onClick={queries.add}>
              Add query
            </Button>
            <Button variant="default" leftSection={<IconListSearch size={14} />} aria-pressed={browsing} onClick={() => setBrowsing(!browsing)}>
              Browse metrics
            </Button>
            <span className={classes.space} />
            <SavedViews
              page="metrics"
              current={{ ...queries.ran, step, tab: tab === 'table' ? tab : undefined }}
              onOpen={(saved) => queries.open(saved)}
            />
            <Select
              size="xs"
              w={112}
              aria-label="Step"
              data={[{ value: '', label: 'Step: auto' }, ...stepsWith(step).map((one) => ({ value: one, label: `Step: ${one}` }))]}
              value={step ?? ''}
              allowDeselect={false}
              onChange={(value) => queries.set({ step: value || undefined })}
            />
            <SegmentedControl
              size="xs"
              aria-label="Show as"
              data={[{ value: 'graph', label: 'Graph' }, { value: 'table', label: 'Table' }]}
              value={tab === 'table' ? 'table' : 'graph'}
              onChange={(value) => queries.set({ tab: value === 'graph' ? undefined : value })}
            />
          </div>
        </section>
        {browsing && (
          <aside className={classes.browser} aria-label="Metric browser">
            <MetricBrowser onChoose={choose} />
          </aside>
        )}
        <div className={classes.result}>
          {lettersOf(queries.ran).length === 0 ? (
            <Panel title="Result">
              <EmptyState icon={<IconChartLine size={20} />} title="Ask for something">
                Write a query above and press {modKey()}-Enter, or choose a metric from the browser.
              </EmptyState>
            </Panel>
          ) : tab === 'table' ? (
            <InstantPanels results={instant} unit={unit} />
          ) : (
            <GraphPanel results={graph} unit={unit} range={range} />
          )}
        </div>
      </div>
    </>
  );
}

interface GraphPanelProps {
  results: ReturnType<typeof useRangeResults>;
  unit: MetricUnit;
  range: RangeSearch;
}

/** The chart of what was answered last stays until the next answer is complete, and with it which series is shown alone. */
function GraphPanel({ results, unit, range }: GraphPanelProps) {
  const pending = results.some(({ answer }) => answer?.isPending);
  // The cached answers keep their identity between renders, so the chart is computed when one of them changes.
  const answers = results.flatMap(({ letter, answer }) => (answer?.data ? [{ letter, data: answer.data }] : []));
  const found = results.flatMap(({ exemplars }) => exemplars ?? []);
  const chart = useStable(
    answers.flatMap(({ letter, data }) => [letter, data]),
    () => metricChart(answers.map(({ letter, data }) => ({ letter, grid: data.grid, data: data.data }))),
    pending,
  );
  const dots = useStable(found, () => exemplarDots(found), pending);
  const drawn = useStable([unit, range], () => ({ unit, range }), pending);
  const title = rangeLabel(drawn.range);
  if (chart.lines.length === 0) {
    if (pending) return <GraphSkeleton />;
    const failed = results.some(({ answer }) => answer?.error);
    return (
      <Panel title={title}>
        <EmptyState icon={<IconChartLine size={20} />} title={failed ? 'No result' : 'No series in this range'}>
          {failed ? 'What is wrong is said beneath the query.' : 'Choose a longer range, or fewer label filters. A hidden query is not drawn.'}
        </EmptyState>
      </Panel>
    );
  }
  return (
    <Suspense fallback={<GraphSkeleton />}>
      <MetricsGraph title={title} chart={chart} dots={dots} {...drawn} busy={pending} />
    </Suspense>
  );
}

function InstantPanels({ results, unit }: { results: ReturnType<typeof useInstantResults>; unit: MetricUnit }) {
  return results.map(({ letter, answer }) => (
    <Panel
      key={letter}
      title={`Query ${letter.toUpperCase()} at the end of the range`}
      flush
      actions={answer?.data && <DownloadTable letter={letter} data={answer.data.data} />}
    >
      {answer?.isPending && <Skeleton height={120} m="md" aria-busy="true" aria-label="Loading" />}
      {answer?.error && <p className={classes.failed}>What is wrong is said beneath the query.</p>}
      {answer?.data && <SamplesTable label={`Query ${letter.toUpperCase()}`} data={answer.data.data} unit={unit} />}
    </Panel>
  ));
}

function DownloadTable({ letter, data }: { letter: string; data: InstantResult }) {
  return <DownloadCsv label={`Download query ${letter.toUpperCase()} as CSV`} name={`metrics-${letter}`} rows={() => sampleRows(data)} />;
}

function GraphSkeleton() {
  return (
    <div aria-busy="true" aria-label="Loading">
      <Skeleton height={480} radius="md" />
    </div>
  );
}

/** The unit that all visible queries share; none where they differ. */
function useUnit(ran: QueryTexts, hidden: ReadonlySet<string>): MetricUnit {
  const metadata = useQuery(metadataQuery(useProject())).data ?? {};
  const about = (metric: string) => (metadata[metric] ?? metadata[familyOf(metric)])?.[0];
  const units = new Set(lettersOf(ran).filter((letter) => !hidden.has(letter)).map((letter) => unitOf(ran[letter] ?? '', about)));
  const [unit] = units;
  return units.size === 1 && unit ? unit : 'none';
}

/** `useMemo` for parts whose number changes; while it `waits` the value stays as it was. */
function useStable<T>(parts: readonly unknown[], make: () => T, waits: boolean): T {
  const [kept, keep] = useState(() => ({ parts, value: make() }));
  const same = kept.parts.length === parts.length && kept.parts.every((part, index) => part === parts[index]);
  if (same || waits) return kept.value;
  const next = { parts, value: make() };
  keep(next);
  return next.value;
}
