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

/** Whose telemetry a rule is about. */
export function streamText(signal: string, stream: string): string {
  if (stream !== '') return stream;
  if (!takesStreams(signal)) return 'all metrics';
  return signal === 'metrics' ? 'all other metrics' : 'all other services';
}
