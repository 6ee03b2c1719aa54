import { expect, it } from 'vitest';
import { hasTerm, markedPieces, meets, parseTerms, patternPhrase, searchedTexts, termText, withoutTerm, withTerm } from './log-query';

it('reads words, phrases, field filters and exclusions', () => {
  expect(parseTerms('timeout "card declined" http.status:502 -pod:web-1 NOT retry')).toEqual([
    { negated: false, value: 'timeout' },
    { negated: false, value: 'card declined' },
    { negated: false, field: 'http.status', value: '502' },
    { negated: true, field: 'pod', value: 'web-1' },
    { negated: true, value: 'retry' },
  ]);
});

it('writes what it reads', () => {
  for (const text of ['timeout', '"card declined"', 'user:"a \\"b\\" c"', '-pod:web-1', 'path:/api/v1', 'url:"http://a/b"']) {
    expect(parseTerms(text).map(termText)).toEqual([text]);
  }
});

it('turns a filter into its opposite instead of holding both', () => {
  const include = { negated: false, field: 'pod', value: 'web-1' };
  const query = withTerm('timeout', include);
  expect(query).toBe('timeout pod:web-1');
  expect(withTerm(query, include)).toBe(query);
  expect(withTerm(query, { ...include, negated: true })).toBe('timeout -pod:web-1');
  expect(withoutTerm(query, include)).toBe('timeout');
});

it('marks what was searched for, whatever its case', () => {
  expect(searchedTexts('Timeout -retry pod:web-1 "card declined"')).toEqual(['Timeout', 'card declined']);
  expect(markedPieces('a timeout (1) b', ['TIMEOUT (1)'])).toEqual([
    { text: 'a ', hit: false },
    { text: 'timeout (1)', hit: true },
    { text: ' b', hit: false },
  ]);
});

it('finds a pattern’s lines by its longest constant part', () => {
  expect(patternPhrase('GET <*> answered <num> in <num> ms by the pool')).toBe('ms by the pool');
  expect(patternPhrase('<*>')).toBe('');
});

it('keeps what stands on each side of an OR, and in parentheses', () => {
  const level = { negated: false, field: 'level', value: 'error' };
  expect(parseTerms('(a AND f(x) OR -c) -(d OR "OR")').map(termText)).toEqual(['a', '"f(x)"', '-c', '-d', '-"OR"']);
  expect(withTerm('a -level:error OR b', level)).toBe('(a -level:error OR b) level:error');
  expect(withTerm('(a OR b) -level:error', level)).toBe('(a OR b) level:error');
  expect(withTerm('', level)).toBe('level:error');
  expect(withoutTerm('(a level:error OR level:error) -(level:error) b', level)).toBe('(a) b');
  expect(hasTerm('(a OR b) level:error', level)).toBe(true);
  expect(hasTerm('a OR level:error', level)).toBe(false);
  expect(hasTerm('', level)).toBe(false);
});

it('asks of what meets a query what the server asks', () => {
  const found = (query: string) => meets(query, ({ value }) => 'abc'.includes(value));
  expect(['', 'a b', 'x OR b', '(x OR a) c', '-x', 'NOT (x y) a', '-(a x)'].map(found)).not.toContain(false);
  expect(['x', 'a x', 'x OR y', '(x OR y) a', '-(a b)', 'a -(x OR c)'].map(found)).not.toContain(true);
});

it('reads what the server refuses without an end', () => {
  expect(['(', '(a', 'a)', '()', '-', 'OR', '(a OR', '"a', 'x:('].map((query) => parseTerms(query).length)).toEqual([0, 1, 1, 0, 1, 0, 1, 1, 1]);
});

it('takes AND and NOT in capitals as the server does, and quotes them where they are words', () => {
  expect(parseTerms('a AND NOT b')).toEqual([{ negated: false, value: 'a' }, { negated: true, value: 'b' }]);
  expect(parseTerms('"AND"')).toEqual([{ negated: false, value: 'AND' }]);
  expect(withTerm('"OR" AND x', { negated: false, field: 'level', value: 'error' })).toBe('"OR" x level:error');
});
