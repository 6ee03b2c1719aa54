import { useEffect, useRef, useState } from 'react';
import { toClipboard } from '../util/clipboard';

const SHOWN_MS = 1_500;

/** Copies a text, and tells for a moment what became of it. */
export function useCopied(): { state: 'no' | 'yes' | 'failed'; copy: (text: string) => void } {
  const [state, setState] = useState<'no' | 'yes' | 'failed'>('no');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (text: string) => {
    const done = await toClipboard(text);
    clearTimeout(timer.current);
    setState(done ? 'yes' : 'failed');
    timer.current = setTimeout(() => setState('no'), SHOWN_MS);
  };
  return { state, copy: (text) => void copy(text) };
}
