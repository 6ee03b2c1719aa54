import { Anchor, Button, SegmentedControl, Skeleton, VisuallyHidden } from '@mantine/core';
import { useWindowEvent } from '@mantine/hooks';
import { IconAdjustmentsHorizontal, IconListDetails } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo, useRef, useState } from 'react';
import { arrivalQuery } from '../api/arrival';
import { logLinesQuery, type LogRecord } from '../api/logs';
import { asProblem } from '../api/problem';
import { AddressNotice } from '../components/AddressNotice';
import { FirstSignal } from '../components/FirstSignal';
import { LinkedLine } from '../components/LinkedLine';
import { LogFacets } from '../components/LogFacets';
import { LogHistogram } from '../components/LogHistogram';
import { LogList } from '../components/LogList';
import { LogPatterns } from '../components/LogPatterns';
import { LogSearchBar } from '../components/LogSearchBar';
import { useCalm } from '../hooks/useCalm';
import { useLogSearch, type LogSearch } from '../hooks/useLogSearch';
import { useLogTail, type Tail } from '../hooks/useLogTail';
import { useProject } from '../hooks/useProject';
import { EmptyState } from '../ui/EmptyState';
import { PageHeader } from '../ui/PageHeader';
import { PanelBoundary } from '../ui/PanelBoundary';
import { ProblemAlert } from '../ui/ProblemAlert';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { Superseded } from '../ui/Superseded';
import { exactCount } from '../util/numbers';
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
      <AddressNotice unread={search.unread} />
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
          {search.line && <LinkedLine id={search.line} search={search} />}
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
              {search.live ? <TailedLines key={JSON.stringify(search.filter)} search={search} /> : search.tab === 'patterns' ? <LogPatterns search={search} /> : <FoundLines search={search} />}
            </PanelBoundary>
          </section>
        </div>
      </div>
    </>
  );
}

function FoundLines({ search }: { search: LogSearch }) {
  const query = useInfiniteQuery(logLinesQuery(useProject(), search.filter, search.range, search.window, search.order));
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, isError, fetchNextPage } = query;
  // What failed is asked for again by whoever reads: by itself it would be asked for without end.
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  const records = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={16} height={28} />}>
      {() => (
        <>
          <Superseded when={query.isPlaceholderData} empty={records.length === 0} skeleton={<RowSkeleton rows={16} height={28} />}>
            <Lines records={records} search={search} onEnd={more} />
          </Superseded>
          {isFetchingNextPage && <RowSkeleton rows={3} height={28} />}
          {isFetchNextPageError && <ProblemAlert problem={asProblem(query.error)} retry={() => void fetchNextPage()} />}
        </>
      )}
    </QueryView>
  );
}

const nothing = () => undefined;
const SAID_EVERY_MS = 10_000;

/** New lines as they come. They wait while somebody reads: a line that is opened or scrolled to is not pushed away. */
function TailedLines({ search }: { search: LogSearch }) {
  const tail = useLogTail(useProject(), search.filter, true);
  const [held, setHeld] = useState<Tail | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const shown = held ?? tail;
  const said = useCalm(tail.connected ? `The tail has ${tail.told} new lines` : 'The tail is connecting', SAID_EVERY_MS);
  const hold = () => setHeld((before) => before ?? tail);
  useWindowEvent('scroll', () => {
    if (tail.told > 0 && list.current && list.current.getBoundingClientRect().top < 0) hold();
  });
  const goOn = () => {
    setHeld(null);
    window.scrollTo({ top: 0, behavior: 'instant' });
  };
  return (
    <>
      <VisuallyHidden role="status">{said}</VisuallyHidden>
      <div className={`${classes.tail} ${classes.following}`} data-held={held !== null || undefined}>
        <span>
          {held ? `Paused: ${waitingText(tail.told - held.told)}` : tail.connected ? `Following: ${exactCount(tail.told)} new lines` : 'Connecting…'}
          {held && !tail.connected && ' · connecting…'}
          {shown.told > shown.records.length && ` · the newest ${exactCount(shown.records.length)} are here`}
          {tail.dropped > 0 && ` · ${exactCount(tail.dropped)} lines came faster than they could be shown; search finds them`}
        </span>
        {tail.told > 0 && (
          <Button size="compact-xs" variant="default" onClick={held ? goOn : hold}>
            {held ? 'Go on' : 'Pause'}
          </Button>
        )}
      </div>
      {tail.gaps.map(({ from, to }) => (
        <p key={from + to} className={classes.tail}>
          {`Connection lost ${clockSeconds(from)}–${clockSeconds(to)}: not all lines of that time are here. `}
          <Anchor inherit renderRoot={(props) => <Link to="." search={(before) => ({ ...before, live: undefined, range: undefined, from, to })} {...props} />}>
            Show them
          </Anchor>
        </p>
      ))}
      <div ref={list}>{shown.records.length > 0 && <Lines records={shown.records} search={search} onEnd={nothing} onOpen={hold} />}</div>
    </>
  );
}

function waitingText(count: number): string {
  if (count === 0) return 'nothing new yet';
  return count === 1 ? '1 line is waiting' : `${exactCount(count)} lines are waiting`;
}

interface LinesProps {
  records: readonly LogRecord[];
  search: LogSearch;
  onEnd: () => void;
  onOpen?: () => void;
}

function Lines({ records, search, onEnd, onOpen }: LinesProps) {
  if (records.length === 0) {
    return (
      <EmptyState icon={<IconListDetails size={20} />} title="No line matches">
        Take a filter away, choose a longer range, or look for a part of a word with <span className="mono">word*</span>.
      </EmptyState>
    );
  }
  return <LogList records={records} search={search} onEnd={onEnd} onOpen={onOpen} />;
}
