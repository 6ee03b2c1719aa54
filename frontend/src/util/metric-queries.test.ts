import { expect, it } from 'vitest';
import { draftsAfter, errorPosition, hiddenLetters, lettersOf, nextLetter, pointAt, starterQuery, toggledHidden } from './metric-queries';

it('names queries by letter, and reuses a letter that became free', () => {
  expect(lettersOf({ c: 'up', a: 'x', b: '' })).toEqual(['a', 'c']);
  expect(nextLetter(['a', 'c'])).toBe('b');
  expect(nextLetter(['a', 'b', 'c', 'd', 'e', 'f'])).toBeUndefined();
});

it('keeps what is being typed, but for a query that was run or gone back to meanwhile', () => {
  expect(draftsAfter({ a: 'up', b: 'rate(' }, { a: 'go_goroutines' }, { a: 'up' })).toEqual({ b: 'rate(' });
});

it('keeps hidden letters in the link', () => {
  expect(toggledHidden(undefined, 'b')).toBe('b');
  expect(toggledHidden('b', 'a')).toBe('a,b');
  expect(toggledHidden('b', 'b')).toBeUndefined();
  expect(hiddenLetters('a,b')).toEqual(new Set(['a', 'b']));
});

it('begins with what the metric’s type asks for', () => {
  expect(starterQuery('http_requests_total', 'counter')).toBe('sum(rate(http_requests_total[5m]))');
  expect(starterQuery('up', 'gauge', 'job="node"')).toBe('up{job="node"}');
  expect(starterQuery('latency_seconds', 'histogram')).toContain('rate(latency_seconds_bucket[5m])');
  expect(starterQuery('latency_seconds_bucket', 'histogram')).toContain('rate(latency_seconds_bucket[5m])');
});

it('points at where a query is wrong', () => {
  const found = errorPosition('invalid parameter "query": 1:5: parse error: unclosed left parenthesis');
  expect(found).toEqual({ line: 1, column: 5, message: 'parse error: unclosed left parenthesis' });
  expect(found && pointAt('rate(up', found)).toBe('rate(up\n    ^');
  expect(errorPosition('too many samples')).toBeUndefined();
});
