import { Tooltip } from '@mantine/core';
import { IconBolt, IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';
import { useLiveState } from '../hooks/useLive';
import { useNow } from '../hooks/useNow';
import type { LiveState } from '../api/live';
import { BY_TOUCH_TOO } from '../ui/by-touch';
import { clockOn } from '../util/time';
import classes from './LiveIndicator.module.css';

/** After this long without a connection the screen is called stale. */
const STALE_AFTER_MS = 20_000;

/** Never in doubt about what is live: an icon, a word and, when it is not, since when. */
export function LiveIndicator() {
  const state = useLiveState();
  const now = useNow();
  const shown = describe(state, now);
  const Icon = ICONS[shown.tone];
  return (
    <Tooltip label={shown.explanation} events={BY_TOUCH_TOO}>
      <span className={classes.live} data-tone={shown.tone} role="status" aria-label={shown.text} tabIndex={0}>
        <Icon size={14} stroke={2} aria-hidden />
        <span className={classes.text}>{shown.text}</span>
      </span>
    </Tooltip>
  );
}

const ICONS = { live: IconBolt, waiting: IconRefresh, stale: IconPlugConnectedX };

interface Shown {
  tone: keyof typeof ICONS;
  text: string;
  explanation: string;
}

/** Exported for its test. */
export function describe(state: LiveState, now: number): Shown {
  if (state.kind === 'live') {
    return { tone: 'live', text: 'Live', explanation: 'Changes appear here as they happen' };
  }
  if (state.kind === 'behind') {
    return {
      tone: 'stale',
      text: `Behind since ${clockOn(state.since, now)}`,
      explanation: 'The server does not show yet what happened since then; it appears here once it does',
    };
  }
  if (state.kind === 'connecting') {
    return { tone: 'waiting', text: 'Connecting', explanation: 'Opening the live connection' };
  }
  if (now - state.since < STALE_AFTER_MS) {
    return { tone: 'waiting', text: 'Reconnecting', explanation: 'The live connection was lost a moment ago' };
  }
  return {
    tone: 'stale',
    text: `Stale since ${clockOn(state.since, now)}`,
    explanation: 'No live connection: what you see is asked for again every 15 s',
  };
}
