import { ActionIcon, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopy } from '@tabler/icons-react';
import { useCopied } from '../hooks/useCopied';

const BECAME = {
  yes: { text: 'Copied', icon: <IconCheck size={16} color="var(--tone-resolved)" /> },
  failed: { text: 'Not copied: the browser does not let it. Select the text instead', icon: <IconAlertTriangle size={16} color="var(--tone-detected)" /> },
};

/** Copies a text; the label says which, for those who do not see what it stands beside. */
export function CopyIcon({ value, label }: { value: string; label: string }) {
  const { state, copy } = useCopied();
  const { text, icon } = state === 'no' ? { text: label, icon: <IconCopy size={16} /> } : BECAME[state];
  return (
    <Tooltip label={text} openDelay={0}>
      <ActionIcon aria-label={text} onClick={() => copy(value)} size="md">
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
