import type { TimelineEntry } from '../api/types';

/** Alerts that fired or resolved one after the other, with nothing between them. */
export interface AlertRun {
  id: string;
  entries: TimelineEntry[];
  fired: number;
  resolved: number;
}

const FEWEST = 4;

/** Many alerts in a row become one line: in a storm what people did and said would not be found between them. */
export function groupAlerts(entries: readonly TimelineEntry[]): (TimelineEntry | AlertRun)[] {
  const grouped: (TimelineEntry | AlertRun)[] = [];
  let run: TimelineEntry[] = [];
  const close = () => {
    if (run.length < FEWEST) grouped.push(...run);
    else grouped.push(asRun(run));
    run = [];
  };
  for (const entry of entries) {
    if (isOfAlert(entry)) {
      run.push(entry);
    } else {
      close();
      grouped.push(entry);
    }
  }
  close();
  return grouped;
}

export function isRun(item: TimelineEntry | AlertRun): item is AlertRun {
  return 'entries' in item;
}

export function runText({ fired, resolved }: Pick<AlertRun, 'fired' | 'resolved'>): string {
  const parts = [fired > 0 && `${fired} fired`, resolved > 0 && `${resolved} resolved`].filter(Boolean);
  return `${fired + resolved} changes of alerts: ${parts.join(', ')}`;
}

function isOfAlert({ kind }: TimelineEntry): boolean {
  return kind === 'alert_fired' || kind === 'alert_resolved';
}

/** Named by its last entry: earlier ones join as earlier pages are read. */
function asRun(entries: TimelineEntry[]): AlertRun {
  const fired = entries.filter(({ kind }) => kind === 'alert_fired').length;
  return { id: `run-${entries.at(-1)?.id}`, entries, fired, resolved: entries.length - fired };
}
