import { expect, test } from 'vitest';
import { signOnOutcome } from './sign-on';

test('only what the server says has words', () => {
  expect(signOnOutcome('cancelled')?.title).toMatch(/cancelled/);
  for (const name of [undefined, '', 'constructor', '<b>']) expect(signOnOutcome(name)).toBeUndefined();
});
