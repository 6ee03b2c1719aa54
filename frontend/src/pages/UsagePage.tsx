import { Stack } from '@mantine/core';
import { IconChartBar } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { RateStanding, UsageOfDay, UsageOfKey } from '../api/types';
import { may } from '../api/auth';
import { usageQuery } from '../api/usage';
import { useMe, useProject } from '../hooks/useProject';
import { Count } from '../ui/Count';
import { DataTable, type Column } from '../ui/DataTable';
import { DownloadCsv } from '../ui/DownloadCsv';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { exactCount, sampleText } from '../util/numbers';
import { usageRows } from '../util/table-files';

/** What the organisation asked and sent by day and by key, what was refused, and how near it is to its rate limits. */
export function UsagePage() {
  const query = useQuery(usageQuery(useProject()));
  const seesKeys = may(useMe(), 'api_key.read');
  const counted = query.data?.days ?? [];
  const skeleton = <RowSkeleton rows={4} height={41} />;
  return (
    <Stack gap="md">
      <Panel title="Request rates" flush>
        <QueryView query={query} skeleton={skeleton}>
          {({ rates }) => <Rates rates={rates} />}
        </QueryView>
      </Panel>
      <Panel
        title="By day"
        flush
        actions={counted.length > 0 && <DownloadCsv label="Download the use by day as CSV" name="usage" rows={() => usageRows(counted)} />}
      >
        <QueryView query={query} skeleton={skeleton}>
          {({ days }) => <Days days={days} />}
        </QueryView>
      </Panel>
      {seesKeys && (
        <Panel title="By key and reason" flush>
          <QueryView query={query} skeleton={skeleton}>
            {({ keys }) =>
              keys.length === 0 ? (
                <EmptyState icon={<IconChartBar size={20} />} title="Nothing was counted yet">
                  What each key sends, and why some of it is refused, is counted once a minute.
                </EmptyState>
              ) : (
                <DataTable label="Use by key" columns={KEY_COLUMNS} rows={keys} rowId={keyId} />
              )
            }
          </QueryView>
        </Panel>
      )}
    </Stack>
  );
}

const RULES: Record<string, string> = { caller: 'You', tenant: 'The organisation' };

const RATE_COLUMNS: readonly Column<RateStanding>[] = [
  { id: 'rule', header: 'Whose', cell: (row) => RULES[row.rule] ?? row.rule },
  { id: 'per_second', header: 'A second', width: 110, align: 'right', cell: (row) => count(row.per_second) },
  { id: 'burst', header: 'At once', width: 110, align: 'right', from: 'medium', cell: (row) => count(row.burst) },
  { id: 'remaining', header: 'Left now', width: 110, align: 'right', cell: (row) => count(row.remaining) },
];

function Rates({ rates }: { rates: readonly RateStanding[] }) {
  if (rates.length === 0) {
    return (
      <EmptyState icon={<IconChartBar size={20} />} title="No limit on requests">
        This installation lets every caller ask as often as it likes.
      </EmptyState>
    );
  }
  return <DataTable label="Request rates" columns={RATE_COLUMNS} rows={rates} rowId={(row) => row.rule} />;
}

const DAY_COLUMNS: readonly Column<UsageOfDay>[] = [
  { id: 'day', header: 'Day (UTC)', width: 110, cell: (row) => row.day },
  { id: 'used', header: 'What', cell: (row) => labelOf(row.used) },
  { id: 'requests', header: 'Requests', width: 90, align: 'right', cell: (row) => count(row.requests) },
  { id: 'items', header: 'Items', width: 100, align: 'right', from: 'medium', cell: (row) => count(row.items) },
  { id: 'bytes', header: 'As sent', width: 90, align: 'right', cell: (row) => size(row.bytes) },
  { id: 'refused', header: 'Refused', width: 130, align: 'right', from: 'medium', cell: refusedCell },
];

function Days({ days }: { days: readonly UsageOfDay[] }) {
  if (days.length === 0) {
    return (
      <EmptyState icon={<IconChartBar size={20} />} title="Nothing was counted yet">
        Requests and what agents send are counted once a minute.
      </EmptyState>
    );
  }
  return <DataTable label="Use by day" columns={DAY_COLUMNS} rows={days} rowId={(row) => row.day + row.used} />;
}

const KEY_COLUMNS: readonly Column<UsageOfKey>[] = [
  { id: 'key', header: 'Key', cell: (row) => row.key_name ?? <span className="dim">{row.key_id ?? 'people'}</span> },
  { id: 'used', header: 'What', width: 110, from: 'medium', cell: (row) => labelOf(row.used) },
  { id: 'rule', header: 'Refused by', width: 150, cell: (row) => (row.rule ? <code>{row.rule}</code> : <span className="dim">done</span>) },
  { id: 'requests', header: 'Requests', width: 100, align: 'right', cell: (row) => count(row.requests) },
  { id: 'items', header: 'Items', width: 100, align: 'right', from: 'medium', cell: (row) => count(row.items) },
  { id: 'bytes', header: 'As sent', width: 100, align: 'right', from: 'wide', cell: (row) => size(row.bytes) },
];

function keyId(row: UsageOfKey): string {
  return [row.key_id, row.used, row.rule].join(' ');
}

function refusedCell(row: UsageOfDay) {
  if (row.refused_requests === 0 && row.refused_items === 0) return <span className="dim">—</span>;
  return (
    <>
      {refused(row.refused_requests, 'request')}
      {refused(row.refused_items, 'item')}
    </>
  );
}

/** Requests and items are counted apart: a request that is refused may hold a thousand items, which are not. */
function refused(value: number, what: string) {
  if (value === 0) return null;
  const unit = value === 1 ? what : `${what}s`;
  return (
    <div>
      <Count value={value} /> {unit}
    </div>
  );
}

function labelOf(used: string): string {
  return used === 'api' ? 'API' : used;
}

function count(value: number) {
  return <Count value={value} />;
}

function size(value: number) {
  return value === 0 ? <span className="dim">—</span> : <Count value={value} short={sampleText(value, 'bytes')} exact={`${exactCount(value)} bytes`} />;
}
