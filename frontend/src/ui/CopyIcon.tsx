import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';

/** Copies a text; the label says which, for those who do not see what it stands beside. */
export function CopyIcon({ value, label }: { value: string; label: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label} openDelay={0}>
          <ActionIcon aria-label={copied ? 'Copied' : label} onClick={copy} size="md">
            {copied ? <IconCheck size={16} color="var(--tone-resolved)" /> : <IconCopy size={16} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}
