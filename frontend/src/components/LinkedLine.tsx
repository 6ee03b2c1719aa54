import { CloseButton } from '@mantine/core';
import { IconListDetails } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { asProblem } from '../api/problem';
import { LINES_AROUND, logContextQuery } from '../api/logs';
import type { LogSearch } from '../hooks/useLogSearch';
import { useProject } from '../hooks/useProject';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { LogDetails } from './LogDetails';

/** The one line that somebody was sent, whatever else the search finds. */
export function LinkedLine({ id, search }: { id: string; search: LogSearch }) {
  const query = useQuery(logContextQuery(useProject(), id, LINES_AROUND));
  const gone = query.data === undefined && query.error !== null && asProblem(query.error).status === 404;
  return (
    <Panel
      title="The line of this link"
      flush
      actions={<CloseButton size="sm" aria-label="Close the line of this link" onClick={() => search.set({ line: undefined })} />}
    >
      {gone ? (
        <Gone />
      ) : (
        <QueryView query={query} skeleton={<RowSkeleton rows={4} height={32} />}>
          {(around) => {
            const record = around.find((one) => one.id === id);
            return record ? <LogDetails record={record} search={search} /> : <Gone />;
          }}
        </QueryView>
      )}
    </Panel>
  );
}

function Gone() {
  return (
    <EmptyState icon={<IconListDetails size={20} />} title="This line is not here any more">
      It may be older than the project keeps lines.
    </EmptyState>
  );
}
