import { Button, Progress, Stack } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { may } from '../api/auth';
import { telemetryLimitsQuery } from '../api/telemetry-limits';
import type { LimitReached, TelemetryAllowance } from '../api/types';
import { TelemetryLimitsForm } from '../forms/TelemetryLimitsForm';
import { useNow } from '../hooks/useNow';
import { useMe, useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { Count } from '../ui/Count';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { actorName } from '../util/actor';
import { exactCount, percent } from '../util/numbers';
import { isRefusedNow, LIMITS, limitText, share, used } from '../util/telemetry-limits';

/** What the organisation may send of metrics, logs and traces, how much of that it uses, and when it had too much. */
export function TelemetryLimitsPage() {
  const query = useQuery(telemetryLimitsQuery(useProject()));
  const mayWrite = may(useMe(), 'telemetry_limits.manage');
  const [editing, setEditing] = useState(false);
  const close = () => setEditing(false);
  return (
    <Stack gap="md">
      <Panel
        title="Telemetry limits"
        flush
        actions={mayWrite && query.data && <Button onClick={() => setEditing(true)}>Set limits</Button>}
      >
        <QueryView query={query} skeleton={<RowSkeleton rows={5} height={41} />}>
          {(allowance) => <Limits allowance={allowance} />}
        </QueryView>
        <Dialog opened={editing} onClose={close} title="Limits of all projects together" holds="form">
          {query.data && <TelemetryLimitsForm allowance={query.data} onDone={close} />}
        </Dialog>
      </Panel>
      <Panel title="Limits reached" count={query.data?.reached.length} flush>
        <QueryView query={query} skeleton={<RowSkeleton rows={3} height={41} />}>
          {({ reached }) => <Reached reached={reached} />}
        </QueryView>
      </Panel>
    </Stack>
  );
}

interface LimitRow {
  id: string;
  label: string;
  beyond: string;
  limit: string;
  exact: string;
  isOwn: boolean;
  used: number | null;
  share: number | null;
}

const COLUMNS: readonly Column<LimitRow>[] = [
  { id: 'label', header: 'Limit', cell: labelCell },
  { id: 'used', header: 'Used now', width: 220, from: 'medium', cell: usedCell },
  { id: 'value', header: 'At most', width: 150, cell: (row) => <span title={row.exact}>{row.limit}</span> },
  { id: 'by', header: 'Set by', width: 130, from: 'wide', cell: (row) => <span className="dim">{row.isOwn ? 'the organisation' : 'default'}</span> },
];

function Limits({ allowance }: { allowance: TelemetryAllowance }) {
  const rows = useMemo(() => rowsOf(allowance), [allowance]);
  const { set_at: setAt, set_by: setBy, usage } = allowance;
  return (
    <>
      <Today reached={allowance.reached} />
      <DataTable label="Telemetry limits" columns={COLUMNS} rows={rows} rowId={(row) => row.id} />
      <p className="dim" style={{ padding: '8px 16px', margin: 0 }}>
        {setAt && setBy && (
          <>
            Set by {actorName(setBy)} <RelativeTime at={setAt} />.{' '}
          </>
        )}
        {usage.noted_at ? (
          <>
            Use was noted <RelativeTime at={usage.noted_at} />.
          </>
        ) : (
          'Nothing was sent yet.'
        )}
        {!allowance.may_raise && ' Limits above the default do not count here.'}
      </p>
    </>
  );
}

/** Only what is refused now asks for attention. */
function Today({ reached: [latest] }: { reached: readonly LimitReached[] }) {
  const now = useNow();
  const mayRaise = may(useMe(), 'telemetry_limits.manage');
  if (!latest || !isRefusedNow(latest.at, now)) return null;
  return (
    <div style={{ padding: 16 }}>
      <Callout tone="warn" role="status" icon={<IconAlertTriangle size={16} />} title={`${labelOf(latest.limit)}: the limit was reached`}>
        New ones are refused since <RelativeTime at={latest.at} />, beginning with <code>{latest.offender}</code>, until
        midnight (UTC). Those that were there before go on. Send fewer, or {mayRaise ? 'raise the limit' : 'ask an owner or admin to raise the limit'}.
      </Callout>
    </div>
  );
}

function rowsOf(allowance: TelemetryAllowance): LimitRow[] {
  return LIMITS.map(({ name, label, unit, beyond }) => {
    const { value, own } = allowance.limits[name];
    return {
      id: name,
      label,
      beyond,
      limit: limitText(value, unit),
      exact: value === null || value === undefined ? 'no limit' : exactCount(value),
      isOwn: own !== null && own !== undefined,
      used: used(allowance, name),
      share: share(allowance, name),
    };
  });
}

function labelCell(row: LimitRow) {
  return (
    <>
      {row.label}
      <div className="dim">{row.beyond}</div>
      {row.used !== null && <div className="narrow-only">Used now: {usedCell(row)}</div>}
    </>
  );
}

function usedCell(row: LimitRow) {
  if (row.used === null) return <span className="dim">—</span>;
  return (
    <div>
      <Count value={row.used} /> {row.share !== null && <span className="dim">({percent(row.share)})</span>}
      {row.share !== null && (
        <Progress value={row.share * 100} size={4} color={row.share > 0.9 ? 'red' : undefined} aria-label={`${row.label}: ${percent(row.share)} used`} />
      )}
    </div>
  );
}

const REACHED_COLUMNS: readonly Column<LimitReached>[] = [
  { id: 'at', header: 'When', width: 110, cell: (row) => <RelativeTime at={row.at} className="dim" /> },
  { id: 'limit', header: 'Limit', width: 120, cell: (row) => labelOf(row.limit) },
  { id: 'most', header: 'At most', width: 120, from: 'medium', cell: (row) => <Count value={row.most} /> },
  { id: 'offender', header: 'Refused first', cell: (row) => <span className="mono" style={{ overflowWrap: 'anywhere' }}>{row.offender}</span> },
];

function Reached({ reached }: { reached: readonly LimitReached[] }) {
  if (reached.length === 0) {
    return (
      <EmptyState icon={<IconAlertTriangle size={20} />} title="No limit was reached">
        A day on which new series or log streams are refused is listed here, with the first that was.
      </EmptyState>
    );
  }
  return <DataTable label="Limits reached" columns={REACHED_COLUMNS} rows={reached} rowId={(row) => row.at + row.limit} />;
}

function labelOf(limit: string): string {
  return LIMITS.find(({ name }) => name === limit)?.label ?? limit;
}
