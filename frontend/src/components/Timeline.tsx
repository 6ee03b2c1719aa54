import type { ReactNode } from 'react';
import type { TimelineEntry } from '../api/types';
import { RelativeTime } from '../ui/RelativeTime';
import { actorName } from '../util/actor';
import { describeEntry } from './timeline-text';
import classes from './Timeline.module.css';

/** Oldest first, as it happened; comments stand out, facts are one line. */
export function Timeline({ entries }: { entries: readonly TimelineEntry[] }) {
  return (
    <ol className={classes.timeline} aria-label="Timeline">
      {entries.map((entry) => (
        <Entry key={entry.id} entry={entry} />
      ))}
    </ol>
  );
}

function Entry({ entry }: { entry: TimelineEntry }) {
  const { icon: Icon, tone, text } = describeEntry(entry);
  return (
    <li className={classes.entry}>
      <span className={classes.mark} style={tone ? { color: `var(--tone-${tone})` } : undefined}>
        <Icon size={14} stroke={1.9} aria-hidden />
      </span>
      <div className={classes.body}>
        <p className={classes.line}>
          <strong>{actorName(entry.actor)}</strong> {text} <RelativeTime at={entry.at} className={classes.time} />
        </p>
        {entry.text && <EntryText kind={entry.kind}>{entry.text}</EntryText>}
      </div>
    </li>
  );
}

function EntryText({ kind, children }: { kind: string; children: ReactNode }) {
  return <p className={kind === 'comment' ? classes.comment : classes.note}>{children}</p>;
}
