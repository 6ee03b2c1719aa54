import { expect, it } from 'vitest';
import { isId, readList, readOne, readWhere, unreadOf, unreadText } from './address';

const KNOWN = ['open', 'resolved', 'learned'] as const;

it('uses of a list what it knows, once each, and tells the rest', () => {
  expect(readList('resolved,foo,learned', KNOWN)).toEqual({ used: 'resolved,learned', unread: ['foo'] });
  expect(readList(' open , open,', KNOWN)).toEqual({ used: 'open', unread: [] });
  expect(readList('constructor,__proto__', KNOWN)).toEqual({ used: undefined, unread: ['constructor', '__proto__'] });
  expect(readList(undefined, KNOWN)).toEqual({ used: undefined, unread: [] });
});

it('uses one name, as it is written', () => {
  expect(readOne('open', KNOWN)).toEqual({ used: 'open', unread: [] });
  expect(readOne('Open', KNOWN)).toEqual({ used: undefined, unread: ['Open'] });
  expect(readOne(undefined, KNOWN)).toEqual({ used: undefined, unread: [] });
});

it('knows an id', () => {
  const id = '01981f00-0000-7000-8000-00000000000a';
  expect(readWhere(id, isId).used).toBe(id);
  expect(readWhere(`${id}0`, isId)).toEqual({ used: undefined, unread: [`${id}0`] });
});

it('says what cannot be used and what can, for one and for several, and nothing where all can', () => {
  const words = { is: 'no status', are: 'no statuses', instead: 'There are open and resolved.' };
  expect(unreadText({ values: ['foo'], ...words })).toBe('“\u2068foo\u2069” is no status. There are open and resolved.');
  expect(unreadText({ values: ['a', 'b'], ...words })).toContain('“\u2068a\u2069”, “\u2068b\u2069” are no statuses.');
  expect(unreadText({ values: ['x'.repeat(500)], ...words }).length).toBeLessThan(120);
  expect(unreadOf({ values: [], ...words }, { values: ['foo'], ...words })).toHaveLength(1);
});
