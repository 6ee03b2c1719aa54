import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { membersQuery } from '../api/tenant';
import type { TimelineEntry } from '../api/types';
import { useProject } from '../hooks/useProject';
import { LinkedText } from '../ui/LinkedText';
import { RelativeTime } from '../ui/RelativeTime';
import { actorName } from '../util/actor';
import { describeEntry } from './timeline-text';
import classes from './Timeline.module.css';

/** Oldest first, as it happened; comments stand out, facts are one line. */
export function Timeline({ entries }: { entries: readonly TimelineEntry[] }) {
  const members = useQuery(membersQuery(useProject())).data;
  const people = useMemo(() => new Map(members?.map((member) => [member.user_id, member.name])), [members]);
  return (
    <ol className={classes.timeline} aria-label="Timeline">
      {entries.map((entry) => (
        <Entry key={entry.id} entry={entry} people={people} />
      ))}
    </ol>
  );
}

function Entry({ entry, people }: { entry: TimelineEntry; people: ReadonlyMap<string, string> }) {
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
            <LinkedText text={entry.text} />
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
