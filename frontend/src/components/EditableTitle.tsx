import { ActionIcon, TextInput, Tooltip } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { useState } from 'react';
import { setTitle } from '../api/incidents';
import type { Incident } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import classes from './EditableTitle.module.css';

/** The title, editable in place: Enter saves, Escape leaves it as it was. */
export function EditableTitle({ incident, disabled }: { incident: Incident; disabled: boolean }) {
  const [draft, setDraft] = useState<string | null>(null);
  const write = useIncidentWrite(incident, (title: string) => setTitle(incident, title));
  const save = () => {
    const title = draft?.trim() ?? '';
    if (title !== '' && title !== incident.title) write.mutate(title);
    setDraft(null);
  };
  if (draft !== null) {
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
          value={draft}
          maxLength={200}
          onChange={(event) => setDraft(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Escape' && setDraft(null)}
          onBlur={save}
        />
      </form>
    );
  }
  return (
    <div className={classes.line}>
      <h1 className={classes.title}>{incident.title}</h1>
      {!disabled && (
        <Tooltip label="Rename">
          <ActionIcon size="sm" aria-label="Rename" loading={write.isPending} onClick={() => setDraft(incident.title)}>
            <IconPencil size={14} />
          </ActionIcon>
        </Tooltip>
      )}
    </div>
  );
}
