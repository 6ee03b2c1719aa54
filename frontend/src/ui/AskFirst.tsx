import { Button, Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Dialog } from './Dialog';

interface AskFirstProps {
  title: string;
  act: string;
  onGoOn: () => void;
  onCancel: () => void;
  /** What becomes of it. */
  children: ReactNode;
}

/** Asks before what one cannot take back by oneself. What ends a thing is asked by its name instead. */
export function AskFirst({ title, act, onGoOn, onCancel, children }: AskFirstProps) {
  return (
    <Dialog opened onClose={onCancel} title={title}>
      <Stack gap="sm">
        <Text size="sm" component="div">
          {children}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" data-autofocus onClick={onCancel}>
            Cancel
          </Button>
          <Button color="red.8" onClick={onGoOn}>
            {act}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
