import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import { LEVELS, logStatsQuery, type LogStats } from '../api/logs';
import { useProject } from '../hooks/useProject';
import type { LogSearch } from '../hooks/useLogSearch';
import { useZoom } from '../hooks/useZoom';
import { Count } from '../ui/Count';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { Superseded } from '../ui/Superseded';
import { exactCount, shortCount } from '../util/numbers';
import classes from './LogHistogram.module.css';

const StackedBars = lazy(async () => ({ default: (await import('../ui/StackedBars')).StackedBars }));

const HEIGHT = 120;
const BUCKETS = 80;

/** How many lines match over time, by level. A bar or a dragged window narrows the range, a level filters. */
export function LogHistogram({ search }: { search: LogSearch }) {
  const query = useQuery(logStatsQuery(useProject(), search.filter, search.range, search.window, BUCKETS));
  return (
    <Panel title="Lines over time" count={query.data?.total} flush>
      <QueryView query={query} skeleton={<Skeleton height={HEIGHT + 44} aria-busy="true" aria-label="Loading" />}>
        {(stats) => (
          <Superseded when={query.isPlaceholderData}>
            <Bars stats={stats} search={search} />
          </Superseded>
        )}
      </QueryView>
    </Panel>
  );
}

/** Errors at the bottom, where their height can be compared. */
const FROM_BOTTOM = LEVELS;

function Bars({ stats, search }: { stats: LogStats; search: LogSearch }) {
  const zoom = useZoom();
  const chart = useMemo(() => {
    const times = stats.buckets.map(({ time }) => Date.parse(time) / 1000);
    const [first, second] = times;
    const parts = FROM_BOTTOM.map((level) => ({
      name: level,
      color: `--level-${level}` as const,
      values: stats.buckets.map(({ counts }) => counts[level] ?? 0),
    })).filter(({ values }) => values.some((value) => value > 0));
    const width = first !== undefined && second !== undefined ? second - first : 60;
    return { times, parts, width };
  }, [stats]);
  const chosen = search.filter.level?.split(',') ?? [];
  return (
    <>
      <div className={classes.chart}>
        <Suspense fallback={<Skeleton height={HEIGHT} />}>
          <StackedBars label={`${exactCount(stats.total)} lines over time, by level`} height={HEIGHT} text={shortCount} onZoom={zoom} {...chart} />
        </Suspense>
      </div>
      <ul className={classes.legend} aria-label="Lines by level">
        {chart.parts.map(({ name, color, values }) => {
          const total = values.reduce((sum, value) => sum + value, 0);
          return (
            <li key={name}>
              <button type="button" className={classes.level} aria-pressed={chosen.includes(name)} onClick={() => search.toggleLevel(name)}>
                <span className={classes.swatch} style={{ background: `var(${color})` }} aria-hidden />
                {name} <span className="dim">
                  <Count value={total} />
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}
