import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { SEVERITIES, type IncidentStats } from '../api/types';
import { useProject } from '../hooks/useProject';
import { BY_TOUCH_TOO } from '../ui/by-touch';
import { rangeLabel, type RangeSearch } from '../util/range';
import { duration, exactDuration } from '../util/time';
import classes from './OverviewNumbers.module.css';
import { SeverityBadge } from './SeverityBadge';

/** The shared range stays behind: what is open counts whenever it was opened. */
const ALWAYS = { range: undefined, from: undefined, to: undefined };

const RESOLVED = { status: 'resolved,learned', when: 'resolved' };

/** The numbers of the project; each leads to the incidents that it is made of. */
export function OverviewNumbers({ stats, range }: { stats: IncidentStats; range: RangeSearch }) {
  const project = useProject();
  return (
    <div className={classes.numbers}>
      <div className={classes.open}>
        <h2 className={classes.name}>Open incidents</h2>
        <div className={classes.openRow}>
          <Link
            to="/p/$project/incidents"
            params={{ project }}
            search={ALWAYS}
            className={classes.big}
            aria-label={`${stats.open.total} open incidents`}
          >
            {stats.open.total}
          </Link>
          <ul className={classes.severities} aria-label="Open incidents by severity">
            {SEVERITIES.map((severity) => (
              <li key={severity}>
                <Link
                  to="/p/$project/incidents"
                  params={{ project }}
                  search={{ ...ALWAYS, severity }}
                  className={classes.severity}
                  data-none={!stats.open.by_severity[severity] || undefined}
                >
                  <span className={classes.count}>{stats.open.by_severity[severity] ?? 0}</span>
                  <SeverityBadge severity={severity} bare />
                </Link>
              </li>
            ))}
          </ul>
        </div>
      </div>
      <Time
        name="Time to acknowledge"
        meaning="Mean time from detection to the first acknowledgement (MTTA), of incidents that began in the range"
        seconds={stats.mtta_seconds}
        range={range}
        of={{ status: 'all' }}
      />
      <Time
        name="Time to resolve"
        meaning="Mean time from detection to resolution (MTTR), of incidents that were resolved in the range"
        seconds={stats.mttr_seconds}
        range={range}
        of={RESOLVED}
      />
      <div className={classes.number}>
        <h2 className={classes.name}>Resolved</h2>
        <Link
          to="/p/$project/incidents"
          params={{ project }}
          search={{ ...ALWAYS, ...range, ...RESOLVED }}
          className={classes.big}
          aria-label={`${stats.resolved_in_range} resolved`}
        >
          {stats.resolved_in_range}
        </Link>
        <p className={classes.range}>{rangeLabel(range).toLowerCase()}</p>
      </div>
    </div>
  );
}

interface TimeProps {
  name: string;
  meaning: string;
  seconds: number | null | undefined;
  range: RangeSearch;
  /** Which incidents of the range it is the mean of. */
  of: { status: string; when?: string };
}

function Time({ name, meaning, seconds, range, of }: TimeProps) {
  const project = useProject();
  const known = seconds !== null && seconds !== undefined;
  return (
    <div className={classes.number}>
      <Tooltip label={meaning} events={BY_TOUCH_TOO}>
        <h2 className={classes.name}>{name}</h2>
      </Tooltip>
      <Tooltip label={known ? exactDuration(seconds) : 'No incident in this range got that far'} events={BY_TOUCH_TOO}>
        {known ? (
          <Link
            to="/p/$project/incidents"
            params={{ project }}
            search={{ ...ALWAYS, ...range, ...of }}
            className={classes.big}
            aria-label={`${duration(seconds)}, ${name.toLowerCase()}: show these incidents`}
          >
            {duration(seconds)}
          </Link>
        ) : (
          <span className={classes.big}>–</span>
        )}
      </Tooltip>
      <p className={classes.range}>mean, {rangeLabel(range).toLowerCase()}</p>
    </div>
  );
}
