import { Checkbox } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { apiKeysQuery, eraseMember, removeMember, revokeApiKey } from '../api/tenant';
import type { ApiKey, Member } from '../api/types';
import { useMe, useProject } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';
import { stateOf } from '../util/key-state';
import { useProof } from './useProof';

/** So many keys are named; of the others it is said how many there are. */
const NAMED = 5;

/** Asks before a member loses access, and what becomes of the keys that they made: agents use them, not the person alone. */
export function RemoveMember({ member, onClose }: { member: Member; onClose: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const me = useMe();
  const [erasing, setErasing] = useState(false);
  const [revoking, setRevoking] = useState(false);
  const made = useKeysOf(member);
  const { proven, dialog } = useProof();
  const remove = useMutation({
    mutationFn: async () => {
      await (erasing ? proven(() => eraseMember(member.user_id)) : removeMember(member.user_id));
      if (revoking) await revokeAll(made);
    },
    onSuccess: async () => {
      onClose();
      await Promise.all([keys.members(project), keys.apiKeys(project)].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
  return (
    <>
      <ConfirmByName
        opened
        title="Remove member"
        name={member.name}
        act={erasing ? 'Remove and erase' : 'Remove member'}
        pending={remove.isPending}
        problem={remove.error ? asProblem(remove.error) : null}
        onConfirm={() => remove.mutate()}
        onClose={onClose}
      >
        <strong>{member.name}</strong> loses access at once. What they did stays in the timeline
        {erasing ? ', without their name. No backup brings it back. Where somebody typed it, in a comment or a title, it stays.' : '.'}
        {made.length > 0 && !revoking && (
          <>
            {' '}
            {made.length === 1 ? 'A key of this project that they made goes' : `${made.length} keys of this project that they made go`} on working: {namesOf(made)}.
          </>
        )}
        {made.length > 0 && may(me, 'api_key.manage') && (
          <Checkbox
            size="xs"
            mt="sm"
            label={made.length === 1 ? 'Also revoke the key that they made' : `Also revoke the ${made.length} keys that they made`}
            checked={revoking}
            onChange={(event) => setRevoking(event.currentTarget.checked)}
          />
        )}
        {may(me, 'member.erase') && (
          <Checkbox
            size="xs"
            mt="sm"
            label="Also erase their name and address for ever"
            checked={erasing}
            onChange={(event) => setErasing(event.currentTarget.checked)}
          />
        )}
      </ConfirmByName>
      {dialog}
    </>
  );
}

/** The member's keys that still work; none where keys may not be seen. */
function useKeysOf(member: Member): ApiKey[] {
  const query = useQuery({ ...apiKeysQuery(useProject()), enabled: may(useMe(), 'api_key.read') });
  return (query.data ?? []).filter((key) => key.created_by?.id === member.user_id && stateOf(key) === 'active');
}

function namesOf(made: readonly ApiKey[]): string {
  const named = made.slice(0, NAMED).map((key) => key.name);
  const others = made.length - named.length;
  return others > 0 ? `${named.join(', ')} and ${others} more` : named.join(', ');
}

/** The member is gone already: a key that stays is told, and is no reason to ask again. */
async function revokeAll(made: readonly ApiKey[]): Promise<void> {
  const kept: string[] = [];
  for (const key of made) {
    await revokeApiKey(key.id).catch((cause: unknown) => kept.push(`${key.name}: ${asProblem(cause).detail ?? asProblem(cause).title}`));
  }
  if (kept.length > 0) notifications.show({ color: 'red', title: 'Not every key was revoked', message: kept.join('; ') });
}
