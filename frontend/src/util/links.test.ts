import { expect, it } from 'vitest';
import { isWebLink, linkedPieces } from './links';

it('makes links of web pages only', () => {
  expect(isWebLink('https://runbooks.example.net/checkout')).toBe(true);
  expect(isWebLink('javascript:alert(1)')).toBe(false);
  expect(isWebLink('see https://runbooks.example.net')).toBe(false);
});

it('finds the addresses in a comment, without the full stop behind them', () => {
  expect(linkedPieces('See https://a.example/x?y=1. And (http://b.example/z) too')).toEqual([
    { text: 'See ', link: false },
    { text: 'https://a.example/x?y=1', link: true },
    { text: '. And (', link: false },
    { text: 'http://b.example/z', link: true },
    { text: ') too', link: false },
  ]);
  expect(linkedPieces('nothing here')).toEqual([{ text: 'nothing here', link: false }]);
});
