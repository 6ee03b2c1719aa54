/** One term of a log query: `word`, `"a phrase"`, `field:value`, each with `-` or `NOT` in front to exclude. */
export interface Term {
  negated: boolean;
  /** Absent for text, which is searched in the message. */
  field?: string;
  value: string;
}

/** What stands in parentheses: as a query, and what is not wanted where it is negated. */
interface Group {
  negated: boolean;
  sides: Part[][];
}

type Part = Term | Group;

const NEGATION = /-|NOT\s+/y;
const OPERATOR = /(AND|OR)(?=\s|$)/y;
const FIELD = /([A-Za-z_@][\w.@/-]*):/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;

/** Words in capitals that are operators to the server: they are no terms, unless they stand in quotes. */
const OPERATORS = ['AND', 'OR', 'NOT'];

/** Reads a query as the server does, except that it takes what the server refuses. */
class Reader {
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** What stands on each side of an `OR`, which parts more than a space does. */
  sides(): Part[][] {
    const sides: Part[][] = [[]];
    for (;;) {
      this.take(/\s+/y);
      if (this.at >= this.text.length || (this.depth > 0 && this.text[this.at] === ')')) break;
      const operator = this.take(OPERATOR)?.[0];
      if (operator === 'OR') sides.push([]);
      if (operator === undefined) sides.at(-1)?.push(this.part());
    }
    return sides.filter((side) => side.length > 0);
  }

  private part(): Part {
    const negated = this.take(NEGATION) !== null;
    if (this.text[this.at] === '(') return this.group(negated);
    const field = this.take(FIELD)?.[1];
    const quoted = this.take(QUOTED)?.[1];
    const value = quoted === undefined ? this.word() : quoted.replace(/\\(.)/g, '$1');
    return { negated, ...(field !== undefined && { field }), value };
  }

  private group(negated: boolean): Group {
    this.at += 1;
    this.depth += 1;
    const sides = this.sides();
    this.depth -= 1;
    this.at += 1;
    return { negated, sides };
  }

  /** Up to a space, or the parenthesis that closes what the word does not open; at least one character. */
  private word(): string {
    const from = this.at;
    for (let opened = 0; this.at < this.text.length; this.at += 1) {
      const letter = this.text.charAt(this.at);
      if (letter === '(') opened += 1;
      if (letter === ')' && opened-- === 0 && this.depth > 0) break;
      if (/\s/.test(letter)) break;
    }
    return this.text.slice(from, this.at);
  }

  private take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    this.at += found?.[0].length ?? 0;
    return found;
  }
}

const isGroup = (part: Part): part is Group => 'sides' in part;

/** The terms of a query, wherever they stand; those of a group that is not wanted are not wanted either. */
export function parseTerms(query: string): Term[] {
  return termsOf(new Reader(query).sides());
}

function termsOf(sides: Part[][]): Term[] {
  return sides.flat().flatMap((part) => {
    if (!isGroup(part)) return part;
    return termsOf(part.sides).map((term) => ({ ...term, negated: term.negated !== part.negated }));
  });
}

/** Whether something meets a query, asked term by term; the negation of a term is not to be looked at. */
export function meets(query: string, holds: (term: Term) => boolean): boolean {
  const all = (side: Part[]): boolean =>
    side.every((part) => part.negated !== (isGroup(part) ? part.sides.some(all) : holds(part)));
  const sides = new Reader(query).sides();
  return sides.length === 0 || sides.some(all);
}

export function termText({ negated, field, value }: Term): string {
  return `${negated ? '-' : ''}${field === undefined ? '' : `${field}:`}${quoteIfNeeded(value)}`;
}

function queryText(sides: Part[][]): string {
  const text = (part: Part) => (isGroup(part) ? `${part.negated ? '-' : ''}(${queryText(part.sides)})` : termText(part));
  return sides.map((side) => side.map(text).join(' ')).join(' OR ');
}

/**
 * The query with one more filter that holds for the whole; the opposite filter on the same value goes, and the same one
 * is not repeated.
 */
export function withTerm(query: string, term: Term): string {
  const [first = [], ...others] = new Reader(query).sides();
  const parts = others.length > 0 ? [{ negated: false, sides: [first, ...others] }] : first;
  const isOther = (one: Part) => isGroup(one) || !(one.field === term.field && one.value === term.value);
  return queryText([[...parts.filter(isOther), term]]);
}

/** The query without the filter, wherever it stands. */
export function withoutTerm(query: string, term: Term): string {
  const text = termText(term);
  const left = (sides: Part[][]): Part[][] =>
    sides.map((side) => side.flatMap((part) => rest(part))).filter((side) => side.length > 0);
  const rest = (part: Part): Part[] => {
    if (!isGroup(part)) return termText(part) === text ? [] : [part];
    const sides = left(part.sides);
    return sides.length > 0 ? [{ ...part, sides }] : [];
  };
  return queryText(left(new Reader(query).sides()));
}

/** Whether the filter holds for all that the query finds. */
export function hasTerm(query: string, term: Term): boolean {
  const sides = new Reader(query).sides();
  return sides.length === 1 && sides.flat().some((part) => !isGroup(part) && termText(part) === termText(term));
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
