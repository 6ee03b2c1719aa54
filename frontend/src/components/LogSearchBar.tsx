import { Button, CloseButton, Kbd, Menu, TextInput, Tooltip } from '@mantine/core';
import { IconDownload, IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { exportLogs } from '../api/logs';
import { tellProblem } from '../hooks/tellProblem';
import type { LogSearch } from '../hooks/useLogSearch';
import { useShortcuts } from '../hooks/useShortcuts';
import { download } from '../util/files';
import { parseTerms, termText, type Term } from '../util/log-query';
import { LogQueryHelp } from './LogQueryHelp';
import classes from './LogSearchBar.module.css';
import { SavedViews } from './SavedViews';

/** The query, what it filters by, and what can be done with the result. */
export function LogSearchBar({ search }: { search: LogSearch }) {
  const { query = '', service, level } = search.filter;
  const views = { q: query, service, level, tab: search.tab === 'patterns' ? 'patterns' : undefined };
  return (
    <section className={classes.bar} role="search" aria-label="Search logs">
      <QueryInput value={query} onSubmit={(q) => search.set({ q: q.trim() || undefined })} />
      <div className={classes.acts}>
        <Tooltip label={search.live ? 'Stop following' : 'Follow new lines as they arrive'}>
          <Button
            variant={search.live ? 'filled' : 'default'}
            aria-pressed={search.live}
            leftSection={search.live ? <IconPlayerPause size={14} /> : <IconPlayerPlay size={14} />}
            onClick={() => search.set({ live: search.live ? undefined : '1', tab: undefined })}
          >
            Live tail
          </Button>
        </Tooltip>
        <SavedViews
          page="logs"
          current={views}
          onOpen={(saved) => search.set({ q: undefined, service: undefined, level: undefined, tab: undefined, ...saved })}
        />
        <ExportMenu search={search} />
      </div>
      <ActiveFilters search={search} />
    </section>
  );
}

function QueryInput({ value, onSubmit }: { value: string; onSubmit: (value: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useShortcuts([['/', () => input.current?.focus()]]);
  // What was typed and never searched for goes, too; the button goes with it, and the focus must not.
  const clear = () => {
    setText('');
    onSubmit('');
    input.current?.focus();
  };
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit(text);
      }}
    >
      <TextInput
        ref={input}
        size="xs"
        aria-label="Query"
        placeholder='timeout "card declined" http.status:502 -service:mail'
        leftSection={<IconSearch size={14} />}
        rightSection={text === '' ? <Kbd size="xs" visibleFrom="sm">/</Kbd> : <CloseButton size="sm" aria-label="Clear the query" onClick={clear} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') input.current?.blur();
        }}
        classNames={{ input: classes.input }}
        style={{ flex: 1 }}
      />
      <LogQueryHelp />
      <Button type="submit">Search</Button>
    </form>
  );
}

/** Every filter as a chip that takes it away. */
function ActiveFilters({ search }: { search: LogSearch }) {
  const list = (text: string | undefined) => text?.split(',').filter(Boolean) ?? [];
  const chips = [
    ...list(search.filter.service).map((name) => ({ text: `service ${name}`, remove: () => search.toggleService(name) })),
    ...list(search.filter.level).map((name) => ({ text: `level ${name}`, remove: () => search.toggleLevel(name) })),
    ...onceEach(parseTerms(search.filter.query ?? '').filter(({ field }) => field !== undefined))
      .map((term) => ({ text: termText(term), remove: () => search.removeTerm(term) })),
  ];
  if (chips.length === 0) return null;
  return (
    <ul className={classes.chips} aria-label="Filters">
      {chips.map(({ text, remove }) => (
        <li key={text} className={classes.chip}>
          <span className={classes.text}>{text}</span>
          <CloseButton size="sm" aria-label={`Remove ${text}`} onClick={remove} />
        </li>
      ))}
    </ul>
  );
}

/** A term may stand in several places. */
function onceEach(terms: Term[]): Term[] {
  return [...new Map(terms.map((term) => [termText(term), term])).values()];
}

function ExportMenu({ search }: { search: LogSearch }) {
  const save = useMutation({
    mutationFn: async (format: 'csv' | 'ndjson') => {
      const file = await exportLogs(format, search.filter, search.window());
      download(`logs-${new Date().toISOString().slice(0, 16).replaceAll(':', '')}.${format}`, file);
    },
    onError: tellProblem,
  });
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={14} />} loading={save.isPending}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => save.mutate('csv')}>Lines as CSV</Menu.Item>
        <Menu.Item onClick={() => save.mutate('ndjson')}>Lines as NDJSON</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
