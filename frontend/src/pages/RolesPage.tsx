import { IconCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { actionsQuery } from '../api/account';
import type { components } from '../api/schema';
import type { MemberRole } from '../api/types';
import { DataTable, type Column } from '../ui/DataTable';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';

type Action = components['schemas']['Action'];

/** What each role may do: the server's own table. */
export function RolesPage() {
  const query = useQuery(actionsQuery);
  return (
    <Panel title="What each role may do" flush>
      <QueryView query={query} skeleton={<RowSkeleton rows={12} height={41} />}>
        {(table) => <RoleRows roles={table.roles} actions={table.actions} />}
      </QueryView>
      <p className="dim" style={{ margin: 0, padding: '8px 16px 14px' }}>
        A member has one role in the organisation and may have another in a single project. What is marked “everywhere” goes
        by the role in the organisation. Agents send with keys, which have no role.
      </p>
    </Panel>
  );
}

function RoleRows({ roles, actions }: { roles: readonly MemberRole[]; actions: readonly Action[] }) {
  const columns = useMemo(() => roleColumns(roles), [roles]);
  return <DataTable label="Roles" columns={columns} rows={actions} rowId={(row) => row.name} />;
}

function roleColumns(roles: readonly MemberRole[]): readonly Column<Action>[] {
  return [
    {
      id: 'action',
      header: 'Action',
      cell: (row) => (
        <>
          <div>
            {row.description} {row.of_the_tenant && <span className="dim">· everywhere</span>}
          </div>
          <div className="mono dim" style={{ overflowWrap: 'anywhere' }}>
            {row.name}
          </div>
          <div className="narrow-only">{row.roles.join(', ')}</div>
        </>
      ),
    },
    ...roles.map(
      (role): Column<Action> => ({
        id: role,
        header: role,
        width: 76,
        from: 'medium',
        cell: (row) =>
          row.roles.includes(role) ? <IconCheck size={16} role="img" aria-label="yes" /> : <span className="dim" role="img" aria-label="no">–</span>,
      }),
    ),
  ];
}
