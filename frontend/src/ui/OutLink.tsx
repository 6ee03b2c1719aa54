import { Anchor } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';

/** A link that leads out of the console, to a page of its own. */
export function OutLink({ href, children }: { href: string; children: React.ReactNode }) {
  return (
    <Anchor inherit href={href} target="_blank" rel="noreferrer">
      {children} <IconExternalLink size={12} aria-hidden />
    </Anchor>
  );
}
