import { VisuallyHidden } from '@mantine/core';
import { IconBellRinging } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { memo, useMemo, useState } from 'react';
import { membersQuery } from '../api/tenant';
import type { TimelineEntry } from '../api/types';
import { useCalm } from '../hooks/useCalm';
import { useProject } from '../hooks/useProject';
import { LongText } from '../ui/LongText';
import { RelativeTime } from '../ui/RelativeTime';
import { actorName } from '../util/actor';
import { groupAlerts, isRun, runText, type AlertRun } from '../util/timeline-groups';
import { describeEntry } from './timeline-text';
import classes from './Timeline.module.css';

/** Oldest first, as it happened; comments stand out, facts are one line, and many alerts in a row are one too. */
export function Timeline({ entries }: { entries: readonly TimelineEntry[] }) {
  const members = useQuery(membersQuery(useProject())).data;
  const people = useMemo(() => new Map(members?.map((member) => [member.user_id, member.name])), [members]);
  const items = useMemo(() => groupAlerts(entries), [entries]);
  return (
    <>
      <ol className={classes.timeline} aria-label="Timeline">
        {items.map((item) =>
          isRun(item) ? <Run key={item.id} run={item} people={people} /> : <Entry key={item.id} entry={item} people={people} />,
        )}
      </ol>
      <Newest entry={entries.at(-1)} people={people} />
    </>
  );
}

const SAID_EVERY_MS = 3_000;

/** Says what has happened since the page was opened; in a storm only some of it. */
function Newest({ entry, people }: { entry: TimelineEntry | undefined; people: People }) {
  const [first] = useState(entry?.id);
  const said = useCalm(entry && entry.id !== first ? `${actorName(entry.actor)} ${describeEntry(entry, people).text}` : '', SAID_EVERY_MS);
  return <VisuallyHidden role="status">{said}</VisuallyHidden>;
}

type People = ReadonlyMap<string, string>;

function Run({ run, people }: { run: AlertRun; people: People }) {
  const [open, setOpen] = useState(false);
  const last = run.entries.at(-1);
  return (
    <li className={classes.entry}>
      <span className={classes.mark} style={{ color: `var(--tone-${run.fired > 0 ? 'detected' : 'resolved'})` }}>
        <IconBellRinging size={14} stroke={1.9} aria-hidden />
      </span>
      <div className={classes.body}>
        <p className={classes.line}>
          <button type="button" className={classes.run} aria-expanded={open} onClick={() => setOpen((shown) => !shown)}>
            {runText(run)}
          </button>{' '}
          {last && <RelativeTime at={last.at} className={classes.time} />}
        </p>
        {open && (
          <ol className={classes.inner}>
            {run.entries.map((entry) => (
              <Entry key={entry.id} entry={entry} people={people} />
            ))}
          </ol>
        )}
      </div>
    </li>
  );
}

/** What has happened does not change; only what is new is drawn. */
const Entry = memo(PlainEntry, (before, after) => before.entry.id === after.entry.id && before.people === after.people && before.entry.actor.name === after.entry.actor.name);

function PlainEntry({ entry, people }: { entry: TimelineEntry; people: People }) {
  const { icon: Icon, tone, text, incident } = describeEntry(entry, people);
  return (
    <li className={classes.entry}>
      <span className={classes.mark} style={tone ? { color: `var(--tone-${tone})` } : undefined}>
        <Icon size={14} stroke={1.9} aria-hidden />
      </span>
      <div className={classes.body}>
        <p className={classes.line}>
          <strong title={entry.actor.name}>{actorName(entry.actor)}</strong> {text}{' '}
          {incident && <OtherIncident id={incident} />} <RelativeTime at={entry.at} className={classes.time} />
        </p>
        {entry.text && (
          <p className={entry.kind === 'comment' ? classes.comment : classes.note}>
            <LongText text={entry.text} />
          </p>
        )}
      </div>
    </li>
  );
}

function OtherIncident({ id }: { id: string }) {
  const project = useProject();
  return (
    <Link to="/p/$project/incidents/$incident" params={{ project, incident: id }}>
      another incident
    </Link>
  );
}
