import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { Problem } from '../api/problem';
import { Dialog } from './Dialog';
import { ProblemAlert } from './ProblemAlert';

interface ConfirmByNameProps {
  title: string;
  /** What the reader must type: the name of the thing. */
  name: string;
  act: string;
  opened: boolean;
  pending: boolean;
  problem: Problem | null;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before what cannot be undone, by naming the thing. */
export function ConfirmByName(props: ConfirmByNameProps) {
  const [typed, setTyped] = useState('');
  const close = () => {
    setTyped('');
    props.onClose();
  };
  return (
    <Dialog opened={props.opened} onClose={close} title={props.title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === props.name && !props.pending) props.onConfirm();
        }}
      >
        <Stack gap="sm">
          <Text size="sm" component="div">{props.children}</Text>
          {props.problem && <ProblemAlert problem={props.problem} />}
          <TextInput
            data-autofocus
            label={`Type “${props.name}” to confirm`}
            // A phone would begin it with a capital, or with a word that it knows better.
            autoCapitalize="none"
            autoComplete="off"
            autoCorrect="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" color="red.8" disabled={typed !== props.name} loading={props.pending}>
              {props.act}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
