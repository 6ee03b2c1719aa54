import { ActionIcon, Button, Group, TextInput, Tooltip } from '@mantine/core';
import { IconPencil, IconUsers } from '@tabler/icons-react';
import { useState } from 'react';
import { rename, RenamedMeanwhile } from '../api/incidents';
import type { Incident } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import { Callout } from '../ui/Callout';
import { isolated } from '../util/prose';
import classes from './EditableTitle.module.css';

interface Editing {
  draft: string;
  /** The incident as it was when editing began: what is on the screen may be somebody else's by now. */
  since: Incident;
  /** Somebody else's title, which whoever saves now replaces knowingly. */
  theirs?: string;
}

/** The title, editable in place: Enter saves, Escape leaves it as it was. It stays open until the server has it. */
export function EditableTitle({ incident, disabled }: { incident: Incident; disabled: boolean }) {
  const [editing, setEditing] = useState<Editing | null>(null);
  const write = useIncidentWrite(
    incident,
    ({ since, draft }: Editing) => rename(since, draft.trim()),
    async (_asked, problem) => (problem instanceof RenamedMeanwhile ? null : undefined),
  );
  const close = () => setEditing(null);
  const save = () => {
    if (!editing) return;
    const title = editing.draft.trim();
    if (title === '' || title === editing.since.title) return close();
    write.mutate(editing, {
      onSuccess: close,
      onError: (cause) => {
        if (!(cause instanceof RenamedMeanwhile)) return;
        if (cause.incident.title === title) close();
        else setEditing((now) => now && { ...now, since: cause.incident, theirs: cause.incident.title });
      },
    });
  };
  if (editing) {
    return (
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <TextInput
          autoFocus
          aria-label="Title"
          value={editing.draft}
          maxLength={300}
          readOnly={write.isPending}
          onChange={(event) => {
            const draft = event.currentTarget.value;
            setEditing({ ...editing, draft });
          }}
          onKeyDown={(event) => event.key === 'Escape' && close()}
          // Going to the buttons below is not saving.
          onBlur={editing.theirs === undefined ? save : undefined}
        />
        {editing.theirs !== undefined && <Meanwhile theirs={editing.theirs} pending={write.isPending} onKeep={close} />}
      </form>
    );
  }
  return (
    <div className={classes.line}>
      <h1 className={classes.title}>{incident.title}</h1>
      {!disabled && (
        <Tooltip label="Rename">
          <ActionIcon size="sm" aria-label="Rename" onClick={() => setEditing({ draft: incident.title, since: incident })}>
            <IconPencil size={14} />
          </ActionIcon>
        </Tooltip>
      )}
    </div>
  );
}

function Meanwhile({ theirs, pending, onKeep }: { theirs: string; pending: boolean; onKeep: () => void }) {
  return (
    <Callout tone="warn" role="alert" icon={<IconUsers size={16} />} title="Somebody renamed it while you were writing">
      <p>It is {isolated(theirs)} now. Above is what you wrote.</p>
      <Group gap="xs" mt="xs">
        <Button type="submit" size="compact-sm" variant="default" loading={pending}>
          Save mine
        </Button>
        <Button size="compact-sm" variant="default" onClick={onKeep}>
          Keep theirs
        </Button>
      </Group>
    </Callout>
  );
}
