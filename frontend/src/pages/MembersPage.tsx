import { Button, Select, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { HistoryLink } from '../components/HistoryLink';
import { changeMemberRole, membersQuery, setProjectRole } from '../api/tenant';
import { MEMBER_ROLES, PROJECT_ROLES, type Member, type MemberRole } from '../api/types';
import { OpenInvitations } from '../components/OpenInvitations';
import { RemoveMember } from '../components/RemoveMember';
import { InviteForm } from '../forms/InviteForm';
import { useProof } from '../components/useProof';
import { tellProblem } from '../hooks/tellProblem';
import { useNow } from '../hooks/useNow';
import { useMe, useProject } from '../hooks/useProject';
import { AskFirst } from '../ui/AskFirst';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';

export function MembersPage() {
  const query = useQuery(membersQuery(useProject()));
  const me = useMe();
  const mayWrite = may(me, 'member.manage');
  const mayOwn = may(me, 'owner.manage');
  const [inviting, setInviting] = useState<'writing' | 'invited' | null>(null);
  const [removing, setRemoving] = useState<Member | null>(null);
  const close = () => setInviting(null);
  return (
    <Stack gap="md">
      <Panel
        title="Members"
        count={query.data?.length}
        flush
        actions={
          mayWrite && (
            <Button leftSection={<IconPlus size={14} />} onClick={() => setInviting('writing')}>
              Invite
            </Button>
          )
        }
      >
        <QueryView query={query} skeleton={<RowSkeleton rows={4} height={41} />}>
          {(rows) => (
            <DataTable
              label="Members"
              columns={memberColumns(me?.user.id, mayOwn, mayWrite ? setRemoving : undefined)}
              rows={rows}
              rowId={(row) => row.user_id}
            />
          )}
        </QueryView>
        <Dialog opened={inviting !== null} onClose={close} title="Invite a colleague" holds={inviting === 'writing' ? 'form' : undefined}>
          <InviteForm onInvited={() => setInviting('invited')} onDone={close} />
        </Dialog>
        {removing && <RemoveMember member={removing} onClose={() => setRemoving(null)} />}
      </Panel>
      {mayWrite && <OpenInvitations />}
    </Stack>
  );
}

function memberColumns(
  myId: string | undefined,
  mayOwn: boolean,
  onRemove: ((member: Member) => void) | undefined,
): readonly Column<Member>[] {
  // Owners are made, changed and removed by owners.
  const mayChange = (row: Member) => onRemove !== undefined && (mayOwn || row.role !== 'owner');
  return [
    {
      id: 'name',
      header: 'Name',
      cell: (row) => (
        <>
          <div style={{ fontWeight: 500 }}>
            {row.name} {row.user_id === myId && <span className="dim">(you)</span>}
          </div>
          <div className="dim" style={{ overflowWrap: 'anywhere' }}>
            {row.email} <HistoryLink type="member" id={row.user_id} />
          </div>
          {row.initial_password_until && <InitialPassword until={row.initial_password_until} />}
          <div className="narrow-only">
            <span className="dim">In this project</span> <ProjectRoleCell member={row} disabled={!onRemove} />
          </div>
        </>
      ),
    },
    { id: 'role', header: 'Role', width: 118, cell: (row) => <RoleCell member={row} isMe={row.user_id === myId} disabled={!mayChange(row)} mayOwn={mayOwn} /> },
    {
      id: 'project-role',
      header: 'In this project',
      width: 150,
      from: 'medium',
      cell: (row) => <ProjectRoleCell member={row} disabled={!onRemove} />,
    },
    { id: 'joined', header: 'Joined', width: 120, from: 'wide', cell: (row) => <RelativeTime at={row.joined_at} className="dim" /> },
    {
      id: 'act',
      header: '',
      width: 84,
      align: 'right',
      cell: (row) =>
        onRemove &&
        mayChange(row) && (
          <Button variant="default" size="compact-xs" aria-label={`Remove ${row.name}`} onClick={() => onRemove(row)}>
            Remove
          </Button>
        ),
    },
  ];
}

/** The password is still the one that the account was made with. */
function InitialPassword({ until }: { until: string }) {
  const over = new Date(until).getTime() <= useNow();
  return (
    <div className="dim">
      {over ? 'First password expired ' : 'Has to replace the first password, which expires '}
      <RelativeTime at={until} />
    </div>
  );
}

interface RoleCellProps {
  member: Member;
  isMe: boolean;
  disabled: boolean;
  mayOwn: boolean;
}

/** One's own role is asked for first: whoever gives leave away cannot take it back. */
function RoleCell({ member, isMe, disabled, mayOwn }: RoleCellProps) {
  const client = useQueryClient();
  const project = useProject();
  const { proven, dialog } = useProof();
  const change = useMutation({
    mutationFn: (role: MemberRole) => proven(() => changeMemberRole(member.user_id, role)),
    onError: tellProblem,
    onSettled: () => client.invalidateQueries({ queryKey: keys.members(project) }),
  });
  const [own, setOwn] = useState<MemberRole | null>(null);
  if (disabled) return member.role;
  const choose = (role: MemberRole) => {
    if (isMe && role !== member.role) setOwn(role);
    else change.mutate(role);
  };
  return (
    <>
      <Select
        size="xs"
        aria-label={`Role of ${member.name}`}
        data={MEMBER_ROLES.filter((role) => mayOwn || role !== 'owner')}
        value={change.isPending ? change.variables : member.role}
        allowDeselect={false}
        onChange={(role) => role && choose(role as MemberRole)}
      />
      {own && (
        <AskFirst
          title="Change your own role"
          act={`Become ${own}`}
          onCancel={() => setOwn(null)}
          onGoOn={() => {
            setOwn(null);
            change.mutate(own);
          }}
        >
          You are {member.role} and would be {own}, at once. Somebody else has to change it back.
        </AskFirst>
      )}
      {dialog}
    </>
  );
}

const AS_IN_TENANT = 'same';

function ProjectRoleCell({ member, disabled }: { member: Member; disabled: boolean }) {
  const client = useQueryClient();
  const project = useProject();
  const change = useMutation({
    mutationFn: (role: string) => setProjectRole(member.user_id, role === AS_IN_TENANT ? null : (role as MemberRole)),
    onError: tellProblem,
    onSettled: () => client.invalidateQueries({ queryKey: keys.members(project) }),
  });
  const held = member.project_role ?? AS_IN_TENANT;
  if (disabled || member.role === 'owner') return <span className="dim">{member.project_role ?? 'the same'}</span>;
  return (
    <Select
      size="xs"
      aria-label={`Role of ${member.name} in this project`}
      data={[{ value: AS_IN_TENANT, label: 'the same' }, ...PROJECT_ROLES.map((role) => ({ value: role, label: role }))]}
      value={change.isPending ? change.variables : held}
      allowDeselect={false}
      onChange={(role) => role && change.mutate(role)}
    />
  );
}
