import { Kbd, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useShortcuts } from '../hooks/useShortcuts';

interface SearchInputProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

const SETTLE_MS = 250;
/** So many answers may be on their way. */
const MOST_SAID = 20;

/** A list's search: `/` focuses it, typing settles before it reaches the URL, Escape clears it. */
export function SearchInput({ label, value, onChange }: SearchInputProps) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  /** The value, and what was said since: that comes back as the value, one after the other, when more may have been typed. */
  const said = useRef<readonly string[]>([value]);
  const settle = useDebouncedCallback((next: string) => {
    said.current = [...said.current.slice(-MOST_SAID), next];
    onChange(next);
  }, SETTLE_MS);
  useEffect(() => {
    const at = said.current.indexOf(value);
    said.current = at < 0 ? [value] : said.current.slice(at);
    if (at >= 0) return;
    settle.cancel();
    setText(value);
  }, [value, settle]);
  useShortcuts([['/', () => input.current?.focus()]]);

  const change = (next: string) => {
    setText(next);
    settle(next);
  };
  return (
    <TextInput
      ref={input}
      size="xs"
      type="search"
      name="search"
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={14} />}
      rightSection={text === '' ? <Kbd size="xs" visibleFrom="sm">/</Kbd> : null}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        change('');
        input.current?.blur();
      }}
      style={{ flex: '1 1 200px', maxWidth: 320 }}
    />
  );
}
