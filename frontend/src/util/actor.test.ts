import { expect, it } from 'vitest';
import { initials } from './actor';

it('takes whole letters of the first and the last word', () => {
  expect(initials('Mira Lindqvist')).toBe('ML');
  expect(initials('ada king of lovelace')).toBe('AL');
  expect(initials('Örjan')).toBe('Ö');
  expect(initials('𝒜da 𝓛ove')).toBe('𝒜𝓛');
});

it('passes over what is no letter, and halves nothing', () => {
  expect(initials('🚀 Rocket Team 👩‍🚒')).toBe('RT');
  expect(initials('(ops) #2')).toBe('O2');
  expect(initials('👩‍👩‍👧')).toBe('');
  expect(initials('')).toBe('');
});
