import { expect, it } from 'vitest';
import { csv } from './files';

it('quotes what needs quotes and defuses formulas', () => {
  expect(csv([['time', 'up{job="a"}'], [1, null], ['=1+1', 'a,b']])).toBe('time,"up{job=""a""}"\n1,\n\'=1+1,"a,b"\n');
});
