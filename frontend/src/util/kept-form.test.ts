import { expect, test } from 'vitest';
import { keptValues } from './kept-form';

const initial = { issuer: '', scopes: ['openid'], just_in_time: true };

test('what was kept is there again', () => {
  const typed = { issuer: 'https://login.example.com', scopes: [], just_in_time: false };
  expect(keptValues(initial, JSON.stringify(typed))).toEqual(typed);
});

test('what is of another kind is not', () => {
  for (const text of ['', 'null', '[1]', '"issuer"', '{', '{"issuer": null, "scopes": {}, "just_in_time": "no", "more": 1}']) {
    expect(keptValues(initial, text)).toEqual(initial);
  }
});
