import { Button, Stack, Text } from '@mantine/core';
import { DateTimePicker } from '@mantine/dates';
import '@mantine/dates/styles.css';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { resolveRange, type RangeSearch } from '../util/range';
import { zoneName } from '../util/time';

interface CustomRangePickerProps {
  range: RangeSearch;
  onChoose: (range: RangeSearch) => void;
}

/** Two instants in the viewer's zone. Loaded on demand: the calendar is large. */
export function CustomRangePicker({ range, onChoose }: CustomRangePickerProps) {
  const [opened] = useState(Date.now);
  const shown = resolveRange(range, opened);
  const form = useForm({
    initialValues: { from: localText(shown.from), to: localText(shown.to ?? new Date(opened).toISOString()) },
    validate: {
      from: (value) => (value ? null : 'Choose a start'),
      to: (value, { from }) => {
        if (!value) return 'Choose an end';
        return from && new Date(value) <= new Date(from) ? 'The end must be after the start' : null;
      },
    },
  });
  const choose = form.onSubmit(({ from, to }) => {
    if (!from || !to) return;
    onChoose({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
  });
  return (
    <form onSubmit={choose}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          Times are of {zoneName(opened)}.
        </Text>
        <DateTimePicker label="From" valueFormat="D MMM YYYY HH:mm" {...form.getInputProps('from')} />
        <DateTimePicker label="To" valueFormat="D MMM YYYY HH:mm" {...form.getInputProps('to')} />
        <Button type="submit">Apply</Button>
      </Stack>
    </form>
  );
}

/** The picker speaks "YYYY-MM-DD HH:mm:ss" in local time. */
function localText(instant: string | undefined): string | null {
  if (!instant) return null;
  const date = new Date(instant);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace('T', ' ');
}
