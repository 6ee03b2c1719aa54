import { metricsIn } from './units';

/** The letters of queries, which are also their names in the URL. */
export const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
export type Letter = (typeof LETTERS)[number];

export type QueryTexts = Partial<Record<Letter, string | undefined>>;

/** Letters with a query, in their order. */
export function lettersOf(texts: QueryTexts): Letter[] {
  return LETTERS.filter((letter) => texts[letter]);
}

/** What is still being typed after what was run has changed: a query that was run, or that Back brought, is no draft. */
export function draftsAfter(drafts: QueryTexts, before: QueryTexts, after: QueryTexts): QueryTexts {
  return Object.fromEntries(LETTERS.filter((letter) => before[letter] === after[letter]).map((letter) => [letter, drafts[letter]]));
}

export function nextLetter(used: readonly Letter[]): Letter | undefined {
  return LETTERS.find((letter) => !used.includes(letter));
}

export function hiddenLetters(text: string | undefined): Set<string> {
  return new Set((text ?? '').split(',').filter(Boolean));
}

/** The URL's text of a set of hidden letters after one of them was toggled; undefined for none. */
export function toggledHidden(text: string | undefined, letter: Letter): string | undefined {
  const hidden = hiddenLetters(text);
  if (!hidden.delete(letter)) hidden.add(letter);
  return [...hidden].sort().join(',') || undefined;
}

/** A query to begin with: counters as rates, histograms as a quantile, everything else as it is. */
export function starterQuery(metric: string, type: string, matcher = ''): string {
  const braces = matcher ? `{${matcher}}` : '';
  if (type === 'counter') return `sum(rate(${metric}${braces}[5m]))`;
  if (type === 'histogram') {
    const bucket = metric.endsWith('_bucket') ? metric : `${metric}_bucket`;
    return `histogram_quantile(0.95, sum by (le) (rate(${bucket}${braces}[5m])))`;
  }
  return `${metric}${braces}`;
}

/** Metadata is kept under the family's name, series of histograms and summaries have a suffix. */
export function familyOf(metric: string): string {
  return metric.replace(/_(?:bucket|sum|count)$/, '');
}

export function mainMetric(expr: string): string | undefined {
  return metricsIn(expr)[0];
}

export interface QueryPosition {
  line: number;
  column: number;
  message: string;
}

/** "1:7: parse error: unexpected …" with its place; undefined where a message names none. */
export function errorPosition(detail: string | undefined): QueryPosition | undefined {
  const match = /(?:^|[:\s])(\d+):(\d+):\s*(.*)$/s.exec(detail ?? '');
  if (!match) return undefined;
  return { line: Number(match[1]), column: Number(match[2]), message: match[3] ?? '' };
}

/** The line of the query with a caret under the place, as compilers do it. */
export function pointAt(expr: string, { line, column }: QueryPosition): string {
  const text = expr.split('\n')[line - 1] ?? '';
  return `${text}\n${' '.repeat(Math.max(0, column - 1))}^`;
}
