import { Button, Group, Kbd, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { comment } from '../api/incidents';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import type { Incident } from '../api/types';
import { useDraft } from '../hooks/useDraft';
import { useMe } from '../hooks/useProject';
import { useShortcuts } from '../hooks/useShortcuts';
import { useWrite } from '../hooks/useWrite';
import { ProblemAlert } from '../ui/ProblemAlert';
import { modKey } from '../util/keyboard';

/** The timeline's composer. The text stays until the server has it, also where the page is left meanwhile. */
export function CommentForm({ incident }: { incident: Incident }) {
  const client = useQueryClient();
  const input = useRef<HTMLTextAreaElement>(null);
  const draft = useDraft(`comment:${useMe()?.user.id ?? ''}:${incident.id}`);
  const send = useWrite({
    mutationFn: (text: string) => comment(incident.id, text.trim()),
    onSuccess: (_sent, text) => {
      draft.sent(text);
      void client.invalidateQueries({ queryKey: keys.timeline(incident.project_id, incident.id) });
    },
  });
  useShortcuts([['m', () => input.current?.focus()]]);
  const submit = () => {
    if (draft.text.trim()) send.mutate(draft.text);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {send.error && <ProblemAlert problem={asProblem(send.error)} />}
      <Textarea
        ref={input}
        aria-label="Comment"
        placeholder="What did you see, try or decide?"
        autosize
        minRows={2}
        maxRows={10}
        value={draft.text}
        onChange={(event) => draft.write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
        }}
      />
      <Group justify="space-between" mt="xs">
        <span className="dim">
          <Kbd size="xs">{modKey()}</Kbd> <Kbd size="xs">Enter</Kbd> sends
        </span>
        <Button type="submit" variant="default" loading={send.isPending} disabled={!draft.text.trim()}>
          Comment
        </Button>
      </Group>
    </form>
  );
}
