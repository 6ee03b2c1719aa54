import { Badge, Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { endOtherSessions, endSession, sessionsQuery } from '../api/account';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import type { OpenSession } from '../api/types';
import { DataTable, type Column } from '../ui/DataTable';
import { Panel } from '../ui/Panel';
import { ProblemAlert } from '../ui/ProblemAlert';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';
import { deviceName } from '../util/device';

/** Where the account is signed in. */
export function OpenSessions() {
  const client = useQueryClient();
  const query = useQuery(sessionsQuery);
  const end = useMutation({
    mutationFn: (id: string | null) => (id === null ? endOtherSessions() : endSession(id)),
    onSettled: () => client.invalidateQueries({ queryKey: keys.sessions }),
  });
  const others = query.data?.some((session) => !session.current) ?? false;
  return (
    <Panel
      title="Sessions"
      count={query.data?.length}
      flush
      actions={
        others && (
          <Button variant="default" loading={end.isPending && end.variables === null} onClick={() => end.mutate(null)}>
            Sign out everywhere else
          </Button>
        )
      }
    >
      {end.error && <ProblemAlert problem={asProblem(end.error)} />}
      <QueryView query={query} skeleton={<RowSkeleton rows={3} height={41} />}>
        {(rows) => <DataTable label="Sessions" columns={columns((id) => end.mutate(id))} rows={rows} rowId={(row) => row.id} />}
      </QueryView>
    </Panel>
  );
}

function columns(onEnd: (id: string) => void): readonly Column<OpenSession>[] {
  return [
    {
      id: 'device',
      header: 'Device',
      cell: (row) => (
        <>
          <div style={{ fontWeight: 500 }} title={row.device}>
            {deviceName(row.device)}
          </div>
          <div className="mono dim">{row.address || 'unknown address'}</div>
          <div className="dim narrow-only">
            Signed in <RelativeTime at={row.created_at} />, last seen <RelativeTime at={row.seen_at} />
          </div>
        </>
      ),
    },
    { id: 'begun', header: 'Signed in', width: 120, from: 'medium', cell: (row) => <RelativeTime at={row.created_at} className="dim" /> },
    { id: 'ends', header: 'Ends', width: 110, from: 'wide', cell: (row) => <RelativeTime at={row.ends_at} className="dim" /> },
    { id: 'seen', header: 'Last seen', width: 120, from: 'medium', cell: (row) => <RelativeTime at={row.seen_at} className="dim" /> },
    {
      id: 'act',
      header: '',
      width: 110,
      align: 'right',
      cell: (row) =>
        row.current ? (
          <Badge variant="outline" size="sm" tt="none" fw={500} color="gray">
            this one
          </Badge>
        ) : (
          <Button variant="default" size="compact-xs" aria-label={`Sign out ${deviceName(row.device)}`} onClick={() => onEnd(row.id)}>
            Sign out
          </Button>
        ),
    },
  ];
}
