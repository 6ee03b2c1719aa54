import { Link } from '@tanstack/react-router';
import type { Incident } from '../api/types';
import { RelativeTime } from '../ui/RelativeTime';
import { recentActivity } from '../util/activity';
import classes from './RecentActivity.module.css';
import { STATUS_ICONS } from './StatusBadge';

const SHOWN = 12;

export function RecentActivity({ incidents }: { incidents: readonly Incident[] }) {
  const entries = recentActivity(incidents, SHOWN);
  if (entries.length === 0) return <p className="dim">Nothing has happened yet.</p>;
  return (
    <ol className={classes.activity} aria-label="Recent activity">
      {entries.map(({ id, at, what, incident }) => {
        const Icon = STATUS_ICONS[what];
        return (
          <li key={id} className={classes.entry}>
            <Icon size={16} stroke={1.9} color={`var(--tone-${what})`} aria-hidden />
            <div className={classes.body}>
              <Link
                to="/p/$project/incidents/$incident"
                params={{ project: incident.project_id, incident: incident.id }}
                className={classes.title}
                title={incident.title}
              >
                {incident.title}
              </Link>
              <div className={classes.line}>
                <span>
                  {incident.key} {what}
                </span>
                <RelativeTime at={at} />
              </div>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
