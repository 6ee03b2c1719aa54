import { Button, Menu } from '@mantine/core';
import { IconArrowLeft, IconArrowRight, IconCalendarTime, IconCheck, IconChevronDown, IconZoomOut } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useNow } from '../hooks/useNow';
import { useAllTime, useTimeRange } from '../hooks/useTimeRange';
import { Dialog } from '../ui/Dialog';
import { movedRange, offeredRanges, RANGES, rangeLabel, type RangeMove, type RangeName, type RangeSearch } from '../util/range';
import { zoneName } from '../util/time';
import classes from './TimeRangeControl.module.css';

const CustomRangePicker = lazy(async () => ({
  default: (await import('./CustomRangePicker')).CustomRangePicker,
}));

/** The shared time range, kept in the URL so that a link is what its sender saw. */
export function TimeRangeControl({ fallback }: { fallback: RangeName }) {
  const range = useTimeRange(fallback);
  const allTime = useAllTime() || fallback === 'all';
  const navigate = useNavigate();
  const now = useNow();
  const [custom, setCustom] = useState(false);
  const choose = (chosen: RangeSearch) => {
    setCustom(false);
    void navigate({
      to: '.',
      search: (search) => ({ ...search, range: undefined, from: undefined, to: undefined, ...chosen }),
    });
  };
  const move = (how: RangeMove) => choose(movedRange(range, Date.now(), how));
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
          <Menu.Label>Times are of {zoneName(now)}</Menu.Label>
          {offeredRanges(fallback, allTime).map((name) => (
            <Menu.Item
              key={name}
              onClick={() => choose({ range: name })}
              rightSection={range.range === name ? <IconCheck size={14} aria-label="chosen" /> : null}
            >
              {RANGES[name].label}
            </Menu.Item>
          ))}
          <Menu.Divider />
          {range.range !== 'all' && (
            <>
              <Menu.Item leftSection={<IconZoomOut size={14} />} onClick={() => move('out')}>
                Zoom out
              </Menu.Item>
              <Menu.Item leftSection={<IconArrowLeft size={14} />} onClick={() => move('earlier')}>
                Earlier
              </Menu.Item>
              <Menu.Item leftSection={<IconArrowRight size={14} />} disabled={!range.to} onClick={() => move('later')}>
                Later
              </Menu.Item>
              <Menu.Divider />
            </>
          )}
          <Menu.Item onClick={() => setCustom(true)}>Custom range…</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Dialog opened={custom} onClose={() => setCustom(false)} title="Custom time range" size="sm">
        <Suspense fallback={<div style={{ height: 180 }} />}>
          <CustomRangePicker range={range} onChoose={choose} />
        </Suspense>
      </Dialog>
    </>
  );
}
