import { Button, Checkbox, Select, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { traceOperationsQuery, traceServicesQuery } from '../api/traces';
import { useProject } from '../hooks/useProject';
import { useShortcuts } from '../hooks/useShortcuts';
import { useTimeRange } from '../hooks/useTimeRange';
import { instants } from '../util/range';
import { parseSeconds } from '../util/steps';
import { notAttributes, type TraceSearch } from '../util/trace-search';
import classes from './TraceSearchForm.module.css';

interface TraceSearchFormProps {
  search: TraceSearch;
  onSearch: (search: TraceSearch) => void;
}

type Values = Record<'service' | 'operation' | 'q' | 'min' | 'max', string> & { errors: boolean };

/** Which traces to look for; what was asked for is in the URL. */
export function TraceSearchForm({ search, onSearch }: TraceSearchFormProps) {
  const project = useProject();
  const range = useTimeRange('1h');
  const window = () => instants(range);
  const attributes = useRef<HTMLInputElement>(null);
  useShortcuts([['/', () => attributes.current?.focus()]]);
  const form = useForm<Values>({
    initialValues: valuesOf(search),
    validate: {
      q: (text) => (notAttributes(text) ? 'Write name=value' : null),
      min: (text) => durationError(text),
      max: (text) => durationError(text),
    },
  });
  const { setValues } = form;
  useEffect(() => setValues(valuesOf(search)), [search, setValues]);
  const services = useQuery(traceServicesQuery(project, range, window)).data ?? [];
  const operations = useQuery(traceOperationsQuery(project, form.values.service, range, window)).data ?? [];
  const submit = form.onSubmit((values) => onSearch(searchOf(values)));
  const choose = (change: Partial<Values>) => {
    form.setValues(change);
    onSearch(searchOf({ ...form.getValues(), ...change }));
  };
  return (
    <form className={classes.form} onSubmit={submit} role="search" aria-label="Search traces" noValidate>
      <Select
        size="xs" label="Service" placeholder="Any" clearable searchable data={withChosen(services, form.values.service)} className={classes.choice}
        clearButtonProps={{ 'aria-label': 'Any service' }}
        value={form.values.service || null}
        onChange={(value) => choose({ service: value ?? '', operation: '' })}
      />
      <Select
        size="xs" label="Operation" placeholder={form.values.service ? 'Any' : 'Choose a service first'} clearable searchable
        disabled={!form.values.service}
        clearButtonProps={{ 'aria-label': 'Any operation' }}
        data={withChosen(operations, form.values.operation)} className={classes.choice}
        value={form.values.operation || null}
        onChange={(value) => choose({ operation: value ?? '' })}
      />
      <TextInput ref={attributes} size="xs" label="Attributes" placeholder="http.route=/cart" className={classes.text} {...form.getInputProps('q')} />
      <TextInput size="xs" label="At least" placeholder="250ms" className={classes.duration} {...form.getInputProps('min')} />
      <TextInput size="xs" label="At most" placeholder="2s" className={classes.duration} {...form.getInputProps('max')} />
      <Checkbox
        size="xs" label="With errors" className={classes.check}
        checked={form.values.errors}
        onChange={(event) => choose({ errors: event.currentTarget.checked })}
      />
      <Button type="submit" leftSection={<IconSearch size={14} />} className={classes.submit}>
        Search
      </Button>
    </form>
  );
}

function valuesOf(search: TraceSearch): Values {
  const { service = '', operation = '', q = '', min = '', max = '', errors } = search;
  return { service, operation, q, min, max, errors: errors === '1' };
}

function searchOf({ errors, ...texts }: Values): TraceSearch {
  const filled = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.trim() || undefined]));
  return { ...filled, errors: errors ? '1' : undefined };
}

function durationError(text: string): string | null {
  return text.trim() === '' || parseSeconds(text) !== undefined ? null : 'As in 250ms or 1.5s';
}

/** What the URL names is offered even before, or without, the list of what there is. */
function withChosen(list: readonly string[], chosen: string): string[] {
  return chosen === '' || list.includes(chosen) ? [...list] : [chosen, ...list];
}
