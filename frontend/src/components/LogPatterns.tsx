import { Button, Tooltip } from '@mantine/core';
import { IconListSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { logPatternsQuery, type LogPattern } from '../api/logs';
import type { LogSearch } from '../hooks/useLogSearch';
import { useProject } from '../hooks/useProject';
import { Count } from '../ui/Count';
import { DataTable, type Column } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { Superseded } from '../ui/Superseded';
import { patternPhrase, withTerm } from '../util/log-query';
import { exactCount } from '../util/numbers';
import { beginning } from '../util/prose';
import { LogLevel } from './LogLevel';
import classes from './LogPatterns.module.css';

/** Lines of the same shape as one row; a row leads to its lines. */
export function LogPatterns({ search }: { search: LogSearch }) {
  const query = useQuery(logPatternsQuery(useProject(), search.filter, search.range, search.window));
  const open = (pattern: LogPattern) => {
    const value = patternPhrase(pattern.pattern);
    // At once, so that Back leads to the patterns.
    search.set({ ...(value && { q: withTerm(search.filter.query ?? '', { negated: false, value }) }), tab: undefined });
  };
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={10} height={41} />}>
      {(rows) => (
        <Superseded when={query.isPlaceholderData} empty={rows.length === 0} skeleton={<RowSkeleton rows={10} height={41} />}>
          {rows.length === 0 ? (
            <EmptyState icon={<IconListSearch size={20} />} title="No patterns">
              No line matches in this range.
            </EmptyState>
          ) : (
            <DataTable label="Patterns" columns={columns(open)} rows={rows} rowId={(row) => row.pattern} />
          )}
        </Superseded>
      )}
    </QueryView>
  );
}

/** A line may have a hundred thousand characters, and its pattern as many. */
function Pattern({ pattern: { pattern, sample }, onOpen }: { pattern: LogPattern; onOpen: () => void }) {
  const [whole, setWhole] = useState(false);
  const begin = beginning(pattern);
  const shown = whole || begin === null ? pattern : `${begin}…`;
  return (
    <>
      <Tooltip label={`For example: ${beginning(sample) ?? sample}`} multiline maw={560} position="bottom-start">
        <button type="button" className={classes.pattern} data-row-link onClick={onOpen}>
          {shown.split(/(<[^<>\s]*>)/).map((part, index) => (index % 2 === 1 ? <em key={index}>{part}</em> : part))}
        </button>
      </Tooltip>
      {begin !== null && (
        <Button size="compact-xs" variant="subtle" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? 'Show less' : `All ${exactCount(pattern.length)} characters`}
        </Button>
      )}
    </>
  );
}

function columns(open: (pattern: LogPattern) => void): readonly Column<LogPattern>[] {
  return [
    { id: 'count', header: 'Lines', width: 72, cell: (row) => <Count value={row.count} /> },
    { id: 'level', header: 'Level', width: 84, cell: (row) => <LogLevel level={row.level} /> },
    {
      id: 'pattern',
      header: 'Pattern',
      cell: (row) => <Pattern pattern={row} onOpen={() => open(row)} />,
    },
  ];
}
