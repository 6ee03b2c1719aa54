import { Button, Group, Kbd, Textarea } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { comment } from '../api/incidents';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import type { Incident } from '../api/types';
import { ProblemAlert } from '../ui/ProblemAlert';

/** The timeline's composer. The text stays until the server has it. */
export function CommentForm({ incident }: { incident: Incident }) {
  const client = useQueryClient();
  const input = useRef<HTMLTextAreaElement>(null);
  const [body, setBody] = useState('');
  const send = useMutation({
    mutationFn: () => comment(incident.id, body.trim()),
    onSuccess: async () => {
      setBody('');
      await client.invalidateQueries({ queryKey: keys.timeline(incident.project_id, incident.id) });
    },
  });
  useHotkeys([['m', () => input.current?.focus()]]);
  const submit = () => {
    if (body.trim() && !send.isPending) send.mutate();
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
        value={body}
        onChange={(event) => setBody(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
        }}
      />
      <Group justify="space-between" mt="xs">
        <span className="dim">
          <Kbd size="xs">Ctrl</Kbd> <Kbd size="xs">Enter</Kbd> sends
        </span>
        <Button type="submit" variant="default" loading={send.isPending} disabled={!body.trim()}>
          Comment
        </Button>
      </Group>
    </form>
  );
}
