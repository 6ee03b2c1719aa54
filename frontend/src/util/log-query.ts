/** One term of a log query: `word`, `"a phrase"`, `field:value`, each with `-` or `NOT` in front to exclude. */
export interface Term {
  negated: boolean;
  /** Absent for text, which is searched in the message. */
  field?: string;
  value: string;
}

const TERM = /(-|NOT\s+)?(?:([A-Za-z_@][\w.@/-]*):)?(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))/g;

/** Words in capitals that are operators to the server: they are no terms, unless they stand in quotes. */
const OPERATORS = ['AND', 'OR', 'NOT'];

/** What stands on each side of an `OR`, which parts more than a space does: one list of terms where there is none. */
export function alternatives(query: string): Term[][] {
  const sides: Term[][] = [[]];
  for (const [, negation, field, quoted, bare] of query.matchAll(TERM)) {
    const isOperator = negation === undefined && field === undefined && (bare === 'AND' || bare === 'OR');
    if (isOperator && bare === 'OR') sides.push([]);
    if (isOperator) continue;
    sides.at(-1)?.push({
      negated: negation !== undefined,
      ...(field !== undefined && { field }),
      value: quoted !== undefined ? quoted.replace(/\\(.)/g, '$1') : (bare ?? ''),
    });
  }
  return sides;
}

/** The terms of all sides. */
export function parseTerms(query: string): Term[] {
  return alternatives(query).flat();
}

export function termText({ negated, field, value }: Term): string {
  return `${negated ? '-' : ''}${field === undefined ? '' : `${field}:`}${quoteIfNeeded(value)}`;
}

/**
 * The query with one more filter on every side; the opposite filter on the same value goes, and the same one is not
 * repeated.
 */
export function withTerm(query: string, term: Term): string {
  const isOther = (one: Term) => !(one.field === term.field && one.value === term.value);
  return queryText(alternatives(query).map((side) => [...side.filter(isOther), term]));
}

export function withoutTerm(query: string, term: Term): string {
  const isOther = (one: Term) => termText(one) !== termText(term);
  return queryText(alternatives(query).map((side) => side.filter(isOther)));
}

/** Whether the filter holds for all that the query finds. */
export function hasTerm(query: string, term: Term): boolean {
  return alternatives(query).every((side) => side.some((one) => termText(one) === termText(term)));
}

function queryText(sides: Term[][]): string {
  return sides.filter((side) => side.length > 0).map((side) => side.map(termText).join(' ')).join(' OR ');
}

/** The texts that a match holds, for marking them in the lines. */
export function searchedTexts(query: string): string[] {
  return parseTerms(query)
    .filter((term) => term.field === undefined && !term.negated)
    .map(({ value }) => value.replace(/\*$/, ''))
    .filter((value) => value.length > 1);
}

/** A text cut where a searched text begins and ends; `hit` says which pieces those are. Case does not matter. */
export function markedPieces(text: string, searched: readonly string[]): { text: string; hit: boolean }[] {
  if (searched.length === 0) return [{ text, hit: false }];
  const pattern = new RegExp(`(${searched.map(escapePattern).join('|')})`, 'gi');
  return text.split(pattern).map((piece, index) => ({ text: piece, hit: index % 2 === 1 })).filter((piece) => piece.text !== '');
}

/** The longest constant part of a mined pattern, as a phrase that finds its lines. */
export function patternPhrase(pattern: string): string {
  const parts = pattern.split(/<[^<>\s]*>/).map((part) => part.trim());
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}

function quoteIfNeeded(value: string): string {
  return /^[^\s":()\\-][^\s":()\\]*$/.test(value) && !OPERATORS.includes(value) ? value : `"${value.replace(/(["\\])/g, '\\$1')}"`;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
