import { Anchor, Button, SegmentedControl, Skeleton } from '@mantine/core';
import { IconAdjustmentsHorizontal, IconFilterOff, IconListDetails } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { arrivalQuery } from '../api/arrival';
import { LEVELS, logLinesQuery, type LogRecord } from '../api/logs';
import { FirstSignal } from '../components/FirstSignal';
import { LogFacets } from '../components/LogFacets';
import { LogHistogram } from '../components/LogHistogram';
import { LogList } from '../components/LogList';
import { LogPatterns } from '../components/LogPatterns';
import { LogSearchBar } from '../components/LogSearchBar';
import { useLogSearch, type LogSearch } from '../hooks/useLogSearch';
import { useLogTail } from '../hooks/useLogTail';
import { useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { EmptyState } from '../ui/EmptyState';
import { PageHeader } from '../ui/PageHeader';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { isolated } from '../util/prose';
import { clockSeconds } from '../util/time';
import classes from './LogsPage.module.css';

export function LogsPage() {
  const arrived = useQuery(arrivalQuery(useProject(), 'logs'));
  return (
    <>
      <PageHeader title="Logs" />
      <PanelBoundary>
        <QueryView query={arrived} skeleton={<Skeleton height={420} aria-busy="true" aria-label="Loading" />}>
          {(any) => (any ? <Explorer /> : <NoLogs />)}
        </QueryView>
      </PanelBoundary>
    </>
  );
}

function NoLogs() {
  return (
    <FirstSignal sent="logs" title="Connect your logs" unit="line">
      OpenTelemetry, Loki clients, Elasticsearch’s bulk API and syslog are understood as they are; an acknowledged line is on disk and can be
      found within a second.
    </FirstSignal>
  );
}

function Explorer() {
  const search = useLogSearch();
  const [facets, setFacets] = useState(false);
  return (
    <>
      <LogSearchBar search={search} />
      <NoLevels names={search.noLevels} />
      <div className={classes.grid}>
        <Button
          variant="default"
          className={classes.toggle}
          leftSection={<IconAdjustmentsHorizontal size={14} />}
          aria-expanded={facets}
          onClick={() => setFacets(!facets)}
        >
          Services and fields
        </Button>
        <aside className={classes.facets} data-opened={facets || undefined} aria-label="Filters by value">
          <LogFacets search={search} />
        </aside>
        <div className={classes.main}>
          {!search.live && <LogHistogram search={search} />}
          <section className={classes.result} aria-label="Result">
            <header className={classes.head}>
              <SegmentedControl
                size="xs"
                aria-label="Show as"
                data={[{ value: 'lines', label: 'Lines' }, { value: 'patterns', label: 'Patterns' }]}
                value={search.tab}
                onChange={(tab) => search.set({ tab: tab === 'lines' ? undefined : tab, ...(tab === 'patterns' && { live: undefined }) })}
              />
              {search.tab === 'lines' && search.live && <span className="dim">Newest first</span>}
              {search.tab === 'lines' && !search.live && (
                <SegmentedControl
                  size="xs"
                  aria-label="Order"
                  data={[{ value: 'newest_first', label: 'Newest first' }, { value: 'oldest_first', label: 'Oldest first' }]}
                  value={search.order}
                  onChange={(order) => search.set({ order: order === 'oldest_first' ? 'oldest' : undefined })}
                />
              )}
            </header>
            <PanelBoundary>
              {search.live ? <TailedLines search={search} /> : search.tab === 'patterns' ? <LogPatterns search={search} /> : <FoundLines search={search} />}
            </PanelBoundary>
          </section>
        </div>
      </div>
    </>
  );
}

function NoLevels({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  const quoted = names.map((name) => `“${isolated(name)}”`).join(', ');
  return (
    <div className={classes.notice}>
      <Callout tone="warn" role="status" icon={<IconFilterOff size={16} />} title="A filter of this address cannot be used">
        {quoted} {names.length > 1 ? 'are no levels' : 'is no level'}. There are {LEVELS.join(', ')}.
      </Callout>
    </div>
  );
}

function FoundLines({ search }: { search: LogSearch }) {
  const query = useInfiniteQuery(logLinesQuery(useProject(), search.filter, search.range, search.window, search.order));
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const records = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={16} height={28} />}>
      {() => (
        <>
          <Lines records={records} search={search} onEnd={more} />
          {isFetchingNextPage && <RowSkeleton rows={3} height={28} />}
        </>
      )}
    </QueryView>
  );
}

const nothing = () => undefined;

function TailedLines({ search }: { search: LogSearch }) {
  const tail = useLogTail(useProject(), search.filter, true);
  return (
    <>
      <p className={classes.tail} role="status">
        {tail.connected ? `Following: ${tail.records.length} new lines` : 'Connecting…'}
        {tail.dropped > 0 && ` · ${tail.dropped} lines came faster than they could be shown; search finds them`}
      </p>
      {tail.gaps.map(({ from, to }) => (
        <p key={from + to} className={classes.tail}>
          {`Connection lost ${clockSeconds(from)}–${clockSeconds(to)}: not all lines of that time are here. `}
          <Anchor inherit renderRoot={(props) => <Link to="." search={(before) => ({ ...before, live: undefined, range: undefined, from, to })} {...props} />}>
            Show them
          </Anchor>
        </p>
      ))}
      {tail.records.length > 0 && <Lines records={tail.records} search={search} onEnd={nothing} />}
    </>
  );
}

function Lines({ records, search, onEnd }: { records: readonly LogRecord[]; search: LogSearch; onEnd: () => void }) {
  if (records.length === 0) {
    return (
      <EmptyState icon={<IconListDetails size={20} />} title="No line matches">
        Take a filter away, choose a longer range, or look for a part of a word with <span className="mono">word*</span>.
      </EmptyState>
    );
  }
  return <LogList records={records} search={search} onEnd={onEnd} />;
}
