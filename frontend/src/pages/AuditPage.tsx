import { Button, Drawer, Menu, Pill, SegmentedControl, Skeleton, Stack } from '@mantine/core';
import { IconDownload, IconHistory, IconLock } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState, type MouseEvent } from 'react';
import { ensureSession, may } from '../api/auth';
import { auditFile, auditQuery, auditStatsQuery, type AuditFilter } from '../api/audit';
import type { AuditEntry, AuditStats } from '../api/types';
import { AddressNotice } from '../components/AddressNotice';
import { AuditDetails } from '../components/AuditDetails';
import { AuditRetention } from '../components/AuditRetention';
import { tellProblem } from '../hooks/tellProblem';
import { useAuditSearch, type AuditSearch } from '../hooks/useAuditSearch';
import { useListKeys } from '../hooks/useListKeys';
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
import { Superseded } from '../ui/Superseded';
import { actorName } from '../util/actor';
import { downloadFrom } from '../util/files';
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
  const { search, filter, unread, set } = useAuditSearch();
  const range = useTimeRange('30d');
  const query = useInfiniteQuery(auditQuery(useProject(), filter, range));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const columns = useMemo(() => columnsOf(setOpen, set), [set]);
  return (
    <Stack gap="sm">
      <AddressNotice unread={unread} />
      <Filters search={search} set={set} actor={actorOf(rows, search.actor)} />
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
        <Numbers filter={filter} range={range} set={set} />
        <QueryView query={query} skeleton={<RowSkeleton rows={10} height={41} />}>
          {() => (
            <Superseded when={query.isPlaceholderData} empty={rows.length === 0} skeleton={<RowSkeleton rows={10} height={41} />}>
              <AuditRows rows={rows} columns={columns} />
            </Superseded>
          )}
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

interface FiltersProps {
  search: AuditSearch;
  set: (change: AuditSearch) => void;
  /** The name of whom the URL asks for, where an entry tells it. */
  actor: string | undefined;
}

/** The URL has an id; entries that are theirs have the name. */
function actorOf(rows: readonly AuditEntry[], asked: string | undefined): string | undefined {
  const found = rows.find(({ actor }) => `${actor.type}:${actor.id}` === asked);
  return found && actorName(found.actor);
}

function Filters({ search, set, actor }: FiltersProps) {
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
      {search.target && <Chosen id={search.target} name={search.target.replace(':', ' ')} drop={() => set({ target: undefined })} />}
      {search.actor && <Chosen id={search.actor} name={actor ?? search.actor} drop={() => set({ actor: undefined })} />}
    </div>
  );
}

function Chosen({ id, name, drop }: { id: string; name: string; drop: () => void }) {
  return (
    <Pill title={id} withRemoveButton onRemove={drop} removeButtonProps={{ 'aria-label': `Without ${name}`, 'aria-hidden': false, tabIndex: 0 }}>
      {name.length > 28 ? `${name.slice(0, 27)}…` : name}
    </Pill>
  );
}

/** A click renews the session first: a page that was open for an hour saved the refusal as its file. */
function ExportMenu({ hrefOf }: { hrefOf: (format: 'jsonl' | 'csv') => string }) {
  const save = useMutation({
    mutationFn: async (address: string) => {
      await ensureSession();
      downloadFrom(address);
    },
    onError: tellProblem,
  });
  const saved = (address: string) => (event: MouseEvent) => {
    event.preventDefault();
    save.mutate(address);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" size="xs" leftSection={<IconDownload size={14} />} loading={save.isPending}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={hrefOf('jsonl')} download onClick={saved(hrefOf('jsonl'))}>
          JSON lines, with the hash chain
        </Menu.Item>
        <Menu.Item component="a" href={hrefOf('csv')} download onClick={saved(hrefOf('csv'))}>
          CSV, for a spreadsheet
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

interface NumbersProps {
  filter: AuditFilter;
  range: Parameters<typeof auditStatsQuery>[2];
  set: (change: AuditSearch) => void;
}

/** The counts lead to the entries that they are made of. */
function Numbers({ filter, range, set }: NumbersProps) {
  const query = useQuery(auditStatsQuery(useProject(), filter, range));
  return (
    <QueryView query={query} skeleton={<Skeleton height={64} aria-busy="true" aria-label="Loading" />}>
      {(stats) => (
        <div className={classes.numbers}>
          {numbersOf(stats).map(([name, value, kind]) => (
            <dl key={name} className={classes.number}>
              <dt>{name}</dt>
              <dd>
                {kind ? (
                  <button type="button" className={classes.act} aria-label={`${value} ${name.toLowerCase()}: show them`} onClick={() => set({ kind })}>
                    {value}
                  </button>
                ) : (
                  value
                )}
              </dd>
            </dl>
          ))}
        </div>
      )}
    </QueryView>
  );
}

function numbersOf(stats: AuditStats): [name: string, value: string, kind?: string][] {
  const most = (counts: AuditStats['actions']) => counts[0]?.name ?? '–';
  return [
    ['Entries', exactCount(stats.total)],
    ['Changes', exactCount(stats.changes), 'change'],
    ['Reads', exactCount(stats.reads), 'read'],
    ['Denied', exactCount(stats.denied), 'denied'],
    ['Most frequent', most(stats.actions)],
    ['Most active', most(stats.actors)],
  ];
}

function columnsOf(open: (entry: AuditEntry) => void, set: (change: AuditSearch) => void): readonly Column<AuditEntry>[] {
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
        <>
          <button type="button" className={`${classes.act} mono`} data-row-link onClick={() => open(row)}>
            {row.action}
          </button>
          {row.result !== 'accepted' && <div className={classes.beneath}>{resultCell(row)}</div>}
        </>
      ),
    },
    { id: 'target', header: 'To', width: 300, from: 'wide', cell: (row) => <Target target={row.target} /> },
    { id: 'result', header: 'Result', width: 210, from: 'medium', cell: resultCell },
  ];
}

function AuditRows({ rows, columns }: { rows: readonly AuditEntry[]; columns: readonly Column<AuditEntry>[] }) {
  const list = useListKeys<HTMLTableElement>({ count: rows.length });
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconHistory size={20} />} title="No entry matches">
        Every change, every read of sensitive data and every refusal is recorded here, with who asked for it.
      </EmptyState>
    );
  }
  return <DataTable label="Audit" columns={columns} rows={rows} rowId={(row) => row.id} listRef={list} />;
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
