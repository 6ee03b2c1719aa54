import { Button } from '@mantine/core';
import { IconListSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { logPatternsQuery, type LogPattern } from '../api/logs';
import type { LogSearch } from '../hooks/useLogSearch';
import { useProject } from '../hooks/useProject';
import { DataTable, type Column } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { patternPhrase } from '../util/log-query';
import { exactCount, shortCount } from '../util/numbers';
import { beginning } from '../util/prose';
import { LogLevel } from './LogLevel';
import classes from './LogPatterns.module.css';

/** Lines of the same shape as one row; a row leads to its lines. */
export function LogPatterns({ search }: { search: LogSearch }) {
  const query = useQuery(logPatternsQuery(useProject(), search.filter, search.range, search.window));
  const open = (pattern: LogPattern) => {
    const value = patternPhrase(pattern.pattern);
    if (value) search.addTerm({ negated: false, value });
    search.set({ tab: undefined });
  };
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={10} height={41} />}>
      {(rows) =>
        rows.length === 0 ? (
          <EmptyState icon={<IconListSearch size={20} />} title="No patterns">
            No line matches in this range.
          </EmptyState>
        ) : (
          <DataTable label="Patterns" columns={columns(open)} rows={rows} rowId={(row) => row.pattern} />
        )
      }
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
      <button type="button" className={classes.pattern} data-row-link title={`For example: ${beginning(sample) ?? sample}`} onClick={onOpen}>
        {shown.split(/(<[^<>\s]*>)/).map((part, index) => (index % 2 === 1 ? <em key={index}>{part}</em> : part))}
      </button>
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
    { id: 'count', header: 'Lines', width: 72, cell: (row) => <span className="tabular" title={exactCount(row.count)}>{shortCount(row.count)}</span> },
    { id: 'level', header: 'Level', width: 84, cell: (row) => <LogLevel level={row.level} /> },
    {
      id: 'pattern',
      header: 'Pattern',
      cell: (row) => <Pattern pattern={row} onOpen={() => open(row)} />,
    },
  ];
}
