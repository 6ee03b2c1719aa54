import { useSyncExternalStore } from 'react';
import { draftOf, dropSent, keepDraft, onDraft } from '../util/drafts';

interface Draft {
  text: string;
  write: (text: string) => void;
  /** Works also after the page was left: the answer may come later. */
  sent: (text: string) => void;
}

/** A text being written, by the name of what it is for. */
export function useDraft(name: string): Draft {
  const text = useSyncExternalStore(onDraft, () => draftOf(name));
  return { text, write: (next) => keepDraft(name, next), sent: (what) => dropSent(name, what) };
}
