import type { Alert } from '../api/types';

type Labels = Readonly<Record<string, string>>;

/** The labels that all have with the same value, as Alertmanager's own page shows them: once. */
export function commonLabels(all: readonly Labels[]): Record<string, string> {
  const [first, ...others] = all;
  if (!first || others.length === 0) return {};
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => others.every((labels) => labels[name] === value)));
}

/** Those with all of the words in their name, their labels or what they say; what fires comes first. */
export function matchingAlerts(alerts: readonly Alert[], q: string): Alert[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return alerts
    .filter((alert) => words.length === 0 || words.every((word) => textOf(alert).includes(word)))
    .toSorted((left, right) => Number(right.status === 'firing') - Number(left.status === 'firing'));
}

function textOf({ name, status, labels, annotations }: Alert): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return [name, status, ...pairs, ...Object.values(annotations)].join('\n').toLowerCase();
}
