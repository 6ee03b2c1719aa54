import { VisuallyHidden } from '@mantine/core';
import { useEffect, useState } from 'react';

const OURS = / · SRE Copilot$/;

/** Says which page is open: a link that loads no document is not heard otherwise. */
export function PageAnnouncer() {
  const [title, setTitle] = useState('');
  useEffect(() => {
    const observer = new MutationObserver(() => setTitle(document.title.replace(OURS, '')));
    observer.observe(document.head, { childList: true, subtree: true, characterData: true });
    return () => observer.disconnect();
  }, []);
  return <VisuallyHidden role="status">{title}</VisuallyHidden>;
}
