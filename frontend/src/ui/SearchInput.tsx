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

/** A list's search: `/` focuses it, typing settles before it reaches the URL, Escape clears it. */
export function SearchInput({ label, value, onChange }: SearchInputProps) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  /** What was said last: it comes back as the value, when more may have been typed. */
  const said = useRef(value);
  const settle = useDebouncedCallback((next: string) => {
    said.current = next;
    onChange(next);
  }, SETTLE_MS);
  useEffect(() => {
    if (value === said.current) return;
    said.current = value;
    setText(value);
  }, [value]);
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
