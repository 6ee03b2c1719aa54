import { IconHistory } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { auditQuery } from '../api/audit';
import type { AuditEntry } from '../api/types';
import { useProject } from '../hooks/useProject';
import { DataTable, type Column } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { LoadMore } from '../ui/LoadMore';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { actorName } from '../util/actor';

const NO_FILTER = {};

const COLUMNS: readonly Column<AuditEntry>[] = [
  { id: 'at', header: 'When', width: 110, cell: (row) => <RelativeTime at={row.at} className="dim" /> },
  { id: 'actor', header: 'Who', width: 160, from: 'medium', cell: (row) => actorName(row.actor) },
  { id: 'action', header: 'Did', cell: (row) => <span className="mono">{row.action}</span> },
  {
    id: 'target',
    header: 'To',
    width: 300,
    from: 'wide',
    cell: (row) => <Target target={row.target} />,
  },
  { id: 'result', header: 'Result', width: 210, cell: resultCell },
];

/** Who did what, refusals included. */
export function AuditPage() {
  const query = useInfiniteQuery(auditQuery(useProject(), NO_FILTER));
  return (
    <>
      <Panel title="Audit" flush>
        <QueryView query={query} skeleton={<RowSkeleton rows={10} height={41} />}>
          {(data) => <AuditRows rows={data.pages.flatMap((page) => page.items)} />}
        </QueryView>
      </Panel>
      <LoadMore query={query} />
    </>
  );
}

function AuditRows({ rows }: { rows: readonly AuditEntry[] }) {
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconHistory size={20} />} title="Nothing yet">
        Every change and every refusal is recorded here, with who asked for it.
      </EmptyState>
    );
  }
  return <DataTable label="Audit" columns={COLUMNS} rows={rows} rowId={(row) => row.id} />;
}

function Target({ target }: Pick<AuditEntry, 'target'>) {
  const project = useProject();
  const text = `${target.type} ${target.id.slice(0, 13)}…`;
  if (target.type !== 'incident') {
    return (
      <span className="mono dim" title={target.id}>
        {text}
      </span>
    );
  }
  return (
    <Link to="/p/$project/incidents/$incident" params={{ project, incident: target.id }} title={target.id}>
      <span className="mono">{text}</span>
    </Link>
  );
}

function resultCell(entry: AuditEntry) {
  if (entry.result === 'accepted') return 'accepted';
  return <span style={{ color: 'var(--tone-detected)' }}>refused: {entry.rule ?? 'no rule'}</span>;
}
