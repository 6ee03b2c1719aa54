import { Button, Group } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { invitationsQuery, revokeInvitation, sendInvitation } from '../api/tenant';
import type { Invitation } from '../api/types';
import { useMe, useProject } from '../hooks/useProject';
import { AskFirst } from '../ui/AskFirst';
import { CodeBlock } from '../ui/CodeBlock';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { Panel } from '../ui/Panel';
import { ProblemAlert } from '../ui/ProblemAlert';
import { RelativeTime } from '../ui/RelativeTime';

/** Who was asked to join and has not answered; nothing where there is nobody. */
export function OpenInvitations() {
  const project = useProject();
  const client = useQueryClient();
  const query = useQuery(invitationsQuery(project));
  const [shown, setShown] = useState<Invitation | null>(null);
  const [revoking, setRevoking] = useState<Invitation | null>(null);
  const revoke = useMutation({
    mutationFn: (invitation: Invitation) => revokeInvitation(invitation.id),
    onSettled: () => client.invalidateQueries({ queryKey: keys.invitations(project) }),
  });
  const sendsMail = useMe()?.sends_mail ?? false;
  const send = useMutation({
    mutationFn: (invitation: Invitation) => sendInvitation(invitation.id),
    onSettled: () => client.invalidateQueries({ queryKey: keys.invitations(project) }),
  });
  if (!query.data && query.error) {
    return (
      <Panel title="Open invitations">
        <ProblemAlert problem={asProblem(query.error)} retry={() => void query.refetch()} />
      </Panel>
    );
  }
  if (!query.data || query.data.length === 0) return null;
  return (
    <Panel title="Open invitations" count={query.data.length} flush>
      {revoke.error && <ProblemAlert problem={asProblem(revoke.error)} />}
      {send.error && <ProblemAlert problem={asProblem(send.error)} />}
      <DataTable
        label="Open invitations"
        columns={columns({
          onShow: setShown,
          onRevoke: setRevoking,
          onSend: sendsMail ? send.mutate : undefined,
          sending: send.isPending ? send.variables.id : undefined,
        })}
        rows={query.data}
        rowId={(row) => row.id}
        isDim={isOver}
      />
      <Dialog opened={shown !== null} onClose={() => setShown(null)} title={`Invitation of ${shown?.email ?? ''}`}>
        {shown?.link && <CodeBlock name="Invitation link" text={shown.link} />}
      </Dialog>
      {revoking && (
        <AskFirst
          title={`Revoke the invitation of ${revoking.email}`}
          act="Revoke invitation"
          onCancel={() => setRevoking(null)}
          onGoOn={() => {
            setRevoking(null);
            revoke.mutate(revoking);
          }}
        >
          Its link stops working at once, also where it is in a mail already. You can invite <strong>{revoking.email}</strong> again.
        </AskFirst>
      )}
    </Panel>
  );
}

function isOver(invitation: Invitation): boolean {
  return new Date(invitation.expires_at).getTime() <= Date.now();
}

/** What became of the newest mail; nothing where none was asked for. */
function MailState({ invitation: { mail } }: { invitation: Invitation }) {
  if (!mail) return null;
  if (mail.state === 'waiting') return <div className="dim">being sent</div>;
  if (mail.state === 'failed') return <div>could not be delivered: {mail.detail}</div>;
  return (
    <div className="dim">
      sent <RelativeTime at={mail.since} />
    </div>
  );
}

interface Acts {
  readonly onShow: (invitation: Invitation) => void;
  readonly onRevoke: (invitation: Invitation) => void;
  /** Undefined where no mail is sent. */
  readonly onSend: ((invitation: Invitation) => void) | undefined;
  readonly sending: string | undefined;
}

function columns({ onShow, onRevoke, onSend, sending }: Acts): readonly Column<Invitation>[] {
  return [
    {
      id: 'email',
      header: 'E-mail',
      cell: (row) => (
        <div style={{ overflowWrap: 'anywhere' }}>
          {row.email}
          <MailState invitation={row} />
          <div className="dim narrow-only">
            As {row.role}, {isOver(row) ? 'expired' : <>ends <RelativeTime at={row.expires_at} /></>}
          </div>
        </div>
      ),
    },
    { id: 'role', header: 'Role', width: 96, from: 'medium', cell: (row) => row.role },
    {
      id: 'by',
      header: 'Invited',
      width: 200,
      from: 'wide',
      cell: (row) => (
        <span className="dim">
          <RelativeTime at={row.created_at} /> {row.invited_by && `by ${row.invited_by.name}`}
        </span>
      ),
    },
    {
      id: 'expires',
      header: 'Ends',
      width: 110,
      from: 'medium',
      cell: (row) => (isOver(row) ? 'expired' : <RelativeTime at={row.expires_at} className="dim" />),
    },
    {
      id: 'act',
      header: '',
      width: onSend ? 218 : 132,
      align: 'right',
      cell: (row) => (
        <Group gap={6} justify="flex-end" wrap="wrap">
          {onSend && !isOver(row) && (
            <Button
              variant="default"
              size="compact-xs"
              aria-label={`${row.mail ? 'Send again' : 'Send'} to ${row.email}`}
              loading={sending === row.id}
              disabled={row.mail?.state === 'waiting'}
              onClick={() => onSend(row)}
            >
              {row.mail ? 'Send again' : 'Send'}
            </Button>
          )}
          {row.link && !isOver(row) && (
            <Button variant="default" size="compact-xs" aria-label={`Link for ${row.email}`} onClick={() => onShow(row)}>
              Link
            </Button>
          )}
          <Button variant="default" size="compact-xs" aria-label={`Revoke ${row.email}`} onClick={() => onRevoke(row)}>
            Revoke
          </Button>
        </Group>
      ),
    },
  ];
}
