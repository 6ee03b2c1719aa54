/** What is kept apart, in the words of the page. */
export const SIGNAL_TEXT: Readonly<Record<string, string>> = {
  metrics: 'Metrics',
  metrics_5m: 'Metrics, by 5 minutes',
  metrics_1h: 'Metrics, by hour',
  logs: 'Logs',
  traces: 'Traces',
};

/** Coarse metrics are kept alike for all streams. */
export function takesStreams(signal: string): boolean {
  return !signal.startsWith('metrics_');
}

export function daysText(days: number): string {
  return days === 1 ? '1 day' : `${days} days`;
}

interface Rule {
  signal: string;
  stream: string;
  days: number;
}

/** For how many days a stream is kept now: by the closest rule there is. Undefined where none says. */
export function keptNow(rules: readonly Rule[], signal: string, stream: string): number | undefined {
  const about = rules.filter((rule) => rule.signal === signal && isAbout(rule.stream, stream));
  return about.toSorted((one, other) => other.stream.length - one.stream.length)[0]?.days;
}

function isAbout(rule: string, stream: string): boolean {
  return rule === '' || rule === stream || (rule.endsWith('*') && stream.startsWith(rule.slice(0, -1)));
}

/** Whose telemetry a rule is about. */
export function streamText(signal: string, stream: string): string {
  if (stream !== '') return stream;
  if (!takesStreams(signal)) return 'all metrics';
  return signal === 'metrics' ? 'all other metrics' : 'all other services';
}
