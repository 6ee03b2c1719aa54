import { Button, Drawer, Menu, Pill, SegmentedControl, Skeleton, Stack } from '@mantine/core';
import { IconDownload, IconHistory, IconLock } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { may } from '../api/auth';
import { auditFile, auditQuery, auditStatsQuery, type AuditFilter } from '../api/audit';
import type { AuditEntry, AuditStats } from '../api/types';
import { AuditDetails } from '../components/AuditDetails';
import { AuditRetention } from '../components/AuditRetention';
import { useMe, useProject } from '../hooks/useProject';
import { useTimeRange } from '../hooks/useTimeRange';
import { DataTable, type Column } from '../ui/DataTable';
import { EmptyState } from '../ui/EmptyState';
import { LoadMore } from '../ui/LoadMore';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { SearchInput } from '../ui/SearchInput';
import { actorName } from '../util/actor';
import { exactCount } from '../util/numbers';
import classes from './AuditPage.module.css';
import lists from './ListPage.module.css';

const KINDS = [
  { value: 'all', label: 'All' },
  { value: 'change', label: 'Changes' },
  { value: 'read', label: 'Reads' },
  { value: 'denied', label: 'Denied' },
];
const RESULTS = [
  { value: 'all', label: 'Any result' },
  { value: 'accepted', label: 'Accepted' },
  { value: 'refused', label: 'Refused' },
];

interface Search {
  q?: string | undefined;
  kind?: string | undefined;
  result?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
}

/** Who did what, what it changed, and what was refused. */
export function AuditPage() {
  if (!may(useMe(), 'audit.read')) {
    return (
      <Panel title="Audit">
        <EmptyState icon={<IconLock size={20} />} title="Owners and admins read the audit" />
      </Panel>
    );
  }
  return <Audit />;
}

function Audit() {
  const [search, set] = useAuditSearch();
  const filter = useMemo(() => filterOf(search), [search]);
  const range = useTimeRange('30d');
  const query = useInfiniteQuery(auditQuery(useProject(), filter, range));
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const columns = useMemo(() => columnsOf(setOpen, set), [set]);
  return (
    <Stack gap="sm">
      <Filters search={search} set={set} />
      <Panel
        title="Audit"
        flush
        actions={
          <div className={lists.filters} style={{ marginBottom: 0 }}>
            <AuditRetention />
            <ExportMenu hrefOf={(format) => auditFile(format, filter, range)} />
          </div>
        }
      >
        <Numbers filter={filter} range={range} />
        <QueryView query={query} skeleton={<RowSkeleton rows={10} height={41} />}>
          {(data) => <AuditRows rows={data.pages.flatMap((page) => page.items)} columns={columns} />}
        </QueryView>
      </Panel>
      <LoadMore query={query} />
      <Drawer
        opened={open !== null}
        onClose={() => setOpen(null)}
        position="right"
        size={520}
        title={open?.action ?? 'Entry'}
        overlayProps={{ backgroundOpacity: 0.25 }}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {open && <AuditDetails entry={open} />}
      </Drawer>
    </Stack>
  );
}

function useAuditSearch(): [Search, (change: Search) => void] {
  const { q, kind, result, actor, target } = useSearch({ strict: false });
  const navigate = useNavigate();
  const search = useMemo(() => ({ q, kind, result, actor, target }), [q, kind, result, actor, target]);
  const set = useMemo(
    () => (change: Search) => void navigate({ to: '.', search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  return [search, set];
}

function filterOf({ q, kind, result, actor, target }: Search): AuditFilter {
  const [type, id] = split(target);
  const given = { q, kind, result, actor, target_type: type, target_id: id };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function split(target: string | undefined): [string | undefined, string | undefined] {
  const at = target?.indexOf(':') ?? -1;
  return target === undefined || at < 0 ? [undefined, undefined] : [target.slice(0, at), target.slice(at + 1)];
}

function Filters({ search, set }: { search: Search; set: (change: Search) => void }) {
  return (
    <div className={lists.filters} style={{ marginBottom: 0 }} role="search" aria-label="Filter the audit">
      <SegmentedControl
        size="xs"
        aria-label="Kind"
        data={KINDS}
        value={search.kind ?? 'all'}
        onChange={(value) => set({ kind: value === 'all' ? undefined : value })}
      />
      <SegmentedControl
        size="xs"
        aria-label="Result"
        data={RESULTS}
        value={search.result ?? 'all'}
        onChange={(value) => set({ result: value === 'all' ? undefined : value })}
      />
      <SearchInput label="Search the audit" value={search.q ?? ''} onChange={(value) => set({ q: value || undefined })} />
      {search.target && <Chosen name={search.target} drop={() => set({ target: undefined })} />}
      {search.actor && <Chosen name={search.actor} drop={() => set({ actor: undefined })} />}
    </div>
  );
}

function Chosen({ name, drop }: { name: string; drop: () => void }) {
  return (
    <Pill withRemoveButton onRemove={drop} removeButtonProps={{ 'aria-label': `Without ${name}`, 'aria-hidden': false, tabIndex: 0 }}>
      {name.length > 28 ? `${name.slice(0, 27)}…` : name}
    </Pill>
  );
}

function ExportMenu({ hrefOf }: { hrefOf: (format: 'jsonl' | 'csv') => string }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" size="xs" leftSection={<IconDownload size={14} />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={hrefOf('jsonl')} download>
          JSON lines, with the hash chain
        </Menu.Item>
        <Menu.Item component="a" href={hrefOf('csv')} download>
          CSV, for a spreadsheet
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Numbers({ filter, range }: { filter: AuditFilter; range: Parameters<typeof auditStatsQuery>[2] }) {
  const query = useQuery(auditStatsQuery(useProject(), filter, range));
  return (
    <QueryView query={query} skeleton={<Skeleton height={64} aria-busy="true" aria-label="Loading" />}>
      {(stats) => (
        <div className={classes.numbers}>
          {numbersOf(stats).map(([name, value]) => (
            <dl key={name} className={classes.number}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </dl>
          ))}
        </div>
      )}
    </QueryView>
  );
}

function numbersOf(stats: AuditStats): [string, string][] {
  const most = (counts: AuditStats['actions']) => counts[0]?.name ?? '–';
  return [
    ['Entries', exactCount(stats.total)],
    ['Changes', exactCount(stats.changes)],
    ['Reads', exactCount(stats.reads)],
    ['Denied', exactCount(stats.denied)],
    ['Most frequent', most(stats.actions)],
    ['Most active', most(stats.actors)],
  ];
}

function columnsOf(open: (entry: AuditEntry) => void, set: (change: Search) => void): readonly Column<AuditEntry>[] {
  return [
    { id: 'at', header: 'When', width: 110, cell: (row) => <RelativeTime at={row.at} className="dim" /> },
    {
      id: 'actor',
      header: 'Who',
      width: 160,
      from: 'medium',
      cell: (row) => (
        <button type="button" className={classes.act} onClick={() => set({ actor: `${row.actor.type}:${row.actor.id}` })}>
          {actorName(row.actor)}
        </button>
      ),
    },
    {
      id: 'action',
      header: 'Did',
      cell: (row) => (
        <button type="button" className={`${classes.act} mono`} onClick={() => open(row)}>
          {row.action}
        </button>
      ),
    },
    { id: 'target', header: 'To', width: 300, from: 'wide', cell: (row) => <Target target={row.target} /> },
    { id: 'result', header: 'Result', width: 210, cell: resultCell },
  ];
}

function AuditRows({ rows, columns }: { rows: readonly AuditEntry[]; columns: readonly Column<AuditEntry>[] }) {
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconHistory size={20} />} title="No entry matches">
        Every change, every read of sensitive data and every refusal is recorded here, with who asked for it.
      </EmptyState>
    );
  }
  return <DataTable label="Audit" columns={columns} rows={rows} rowId={(row) => row.id} />;
}

function Target({ target }: Pick<AuditEntry, 'target'>) {
  const project = useProject();
  const text = target.type === 'route' ? target.id : `${target.type} ${target.id.slice(0, 13)}…`;
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
  if (entry.result === 'accepted') return entry.kind === 'read' ? 'shown' : 'accepted';
  return <span style={{ color: 'var(--tone-detected)' }}>refused: {entry.rule ?? 'no rule'}</span>;
}
