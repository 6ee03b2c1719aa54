import { expect, it } from 'vitest';
import { modKey } from './keyboard';

it('names the key as it is written on the keyboard', () => {
  expect(['MacIntel', 'iPad', 'Win32', 'Linux x86_64', ''].map((platform) => modKey(platform))).toEqual(['⌘', '⌘', 'Ctrl', 'Ctrl', 'Ctrl']);
});
