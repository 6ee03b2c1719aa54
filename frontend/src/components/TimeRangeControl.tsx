import { Button, Menu, Modal } from '@mantine/core';
import { IconCalendarTime, IconCheck, IconChevronDown } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useTimeRange } from '../hooks/useTimeRange';
import { offeredRanges, RANGES, rangeLabel, type RangeName, type RangeSearch } from '../util/range';
import classes from './TimeRangeControl.module.css';

const CustomRangePicker = lazy(async () => ({
  default: (await import('./CustomRangePicker')).CustomRangePicker,
}));

/** The shared time range, kept in the URL so that a link is what its sender saw. */
export function TimeRangeControl({ fallback }: { fallback: RangeName }) {
  const range = useTimeRange(fallback);
  const navigate = useNavigate();
  const [custom, setCustom] = useState(false);
  const choose = (chosen: RangeSearch) => {
    setCustom(false);
    void navigate({
      to: '.',
      search: (search) => ({ ...search, range: undefined, from: undefined, to: undefined, ...chosen }),
    });
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button
            variant="default"
            className={classes.button}
            aria-label={`Time range: ${rangeLabel(range)}`}
            leftSection={<IconCalendarTime size={14} />}
            rightSection={<IconChevronDown size={14} />}
          >
            <span className={classes.label}>{rangeLabel(range)}</span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {offeredRanges(fallback).map((name) => (
            <Menu.Item
              key={name}
              onClick={() => choose({ range: name })}
              rightSection={range.range === name ? <IconCheck size={14} aria-label="chosen" /> : null}
            >
              {RANGES[name].label}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => setCustom(true)}>Custom range…</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={custom} onClose={() => setCustom(false)} title="Custom time range" size="sm">
        <Suspense fallback={<div style={{ height: 180 }} />}>
          <CustomRangePicker range={range} onChoose={choose} />
        </Suspense>
      </Modal>
    </>
  );
}
