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

export function parseTerms(query: string): Term[] {
  const found = [...query.matchAll(TERM)].filter(([, , field, , bare]) => field !== undefined || bare !== 'AND');
  return found.map(([, negation, field, quoted, bare]) => ({
    negated: negation !== undefined,
    ...(field !== undefined && { field }),
    value: quoted !== undefined ? quoted.replace(/\\(.)/g, '$1') : (bare ?? ''),
  }));
}

export function termText({ negated, field, value }: Term): string {
  return `${negated ? '-' : ''}${field === undefined ? '' : `${field}:`}${quoteIfNeeded(value)}`;
}

/** The query with one more filter; the opposite filter on the same value goes, and the same one is not repeated. */
export function withTerm(query: string, term: Term): string {
  const others = parseTerms(query).filter((one) => !(one.field === term.field && one.value === term.value));
  return [...others, term].map(termText).join(' ');
}

export function withoutTerm(query: string, term: Term): string {
  return parseTerms(query).filter((one) => termText(one) !== termText(term)).map(termText).join(' ');
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
