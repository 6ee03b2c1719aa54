import { expect, it } from 'vitest';
import { only, parseSearch, stringifySearch } from './search';

it('keeps text as text: a search for 502 is not a number', () => {
  expect(parseSearch('?q=502&status=all')).toEqual({ q: '502', status: 'all' });
});

it('writes links that a person can read, without what is not set', () => {
  expect(stringifySearch({ status: 'resolved,learned', q: '', severity: undefined, from: '2026-01-01T00:00:00Z' })).toBe(
    '?status=resolved,learned&from=2026-01-01T00:00:00Z',
  );
  expect(stringifySearch({})).toBe('');
});

it('survives a round trip of awkward text', () => {
  const search = { q: 'a+b & c=d %20 ü' };
  expect(parseSearch(stringifySearch(search))).toEqual(search);
});

it('drops what a page does not know', () => {
  expect(only('status', 'q')({ status: 'open', evil: 'x', q: '' })).toEqual({ status: 'open' });
});
