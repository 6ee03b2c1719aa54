import { Button, Group, Stack, Text } from '@mantine/core';
import type { CreatedApiKey } from '../api/types';
import { CopyIcon } from '../ui/CopyIcon';
import classes from './NewKey.module.css';

/** The only time that a key can be read. */
export function NewKey({ created, onDone }: { created: CreatedApiKey; onDone?: () => void }) {
  return (
    <Stack gap="sm">
      <Text size="sm">
        Copy <strong>{created.name}</strong> now: it is shown once and only its hash is kept.
      </Text>
      <div className={classes.key}>
        <code className={classes.text} data-testid="api-key">
          {created.key}
        </code>
        <CopyIcon value={created.key} label="Copy key" />
      </div>
      {onDone && (
        <Group justify="flex-end">
          <Button size="sm" onClick={onDone}>
            I have copied it
          </Button>
        </Group>
      )}
    </Stack>
  );
}
