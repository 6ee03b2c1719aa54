import { expect, it } from 'vitest';
import { readAudit } from './audit-search';

const ID = '01981f00-0000-7000-8000-00000000000a';

it('asks for what can be asked for', () => {
  const search = { q: 'merge', kind: 'denied', result: 'refused', actor: `user:${ID}`, target: `incident:${ID}` };
  expect(readAudit(search)).toEqual({ search, unread: [] });
  expect(readAudit({ actor: 'system:incident_opener' }).unread).toEqual([]);
  // A route is a target whose id has colons of its own.
  expect(readAudit({ target: 'route:GET /api/v1/audit' }).search.target).toBe('route:GET /api/v1/audit');
  expect(readAudit({ kind: 'all', result: 'all' })).toEqual({ search: {}, unread: [] });
});

it('leaves out and tells what the server would refuse', () => {
  const nothing = { kind: 'changes', result: 'ok', actor: 'user:mira', target: 'incident', q: 'x'.repeat(201) };
  const { search, unread } = readAudit(nothing);
  expect(Object.values(search).filter(Boolean)).toEqual([]);
  expect(unread.map(({ values }) => values)).toEqual([['changes'], ['ok'], ['user:mira'], ['incident'], [nothing.q]]);
  expect(readAudit({ actor: `robot:${ID}` }).unread).toHaveLength(1);
});
