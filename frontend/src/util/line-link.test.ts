import { expect, it } from 'vitest';
import { lineLink } from './line-link';

const line = { id: 'a/b=', service: 'checkout', time: '2026-11-23T02:41:00.123456789Z' };

it('opens a line among those of its service around it', () => {
  const { pathname, searchParams } = new URL(lineLink('https://sre.example.net', 'p1', line));
  expect(pathname).toBe('/p/p1/logs');
  expect(Object.fromEntries(searchParams)).toEqual({
    from: '2026-11-23T02:36:00.123Z',
    to: '2026-11-23T02:46:00.123Z',
    service: 'checkout',
    line: 'a/b=',
  });
});

it('names no service where the line has none', () => {
  expect(lineLink('', 'p1', { ...line, service: '' })).not.toContain('service');
});
