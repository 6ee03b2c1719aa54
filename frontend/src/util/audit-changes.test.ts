import { expect, test } from 'vitest';
import { auditChanges } from './audit-changes';

test('a change shows both sides, something new only what it is now', () => {
  expect(auditChanges({ status: 'detected' }, { status: 'resolved', note: 'done' })).toEqual([
    { field: 'status', before: 'detected', after: 'resolved' },
    { field: 'note', before: null, after: 'done' },
  ]);
  expect(auditChanges(null, { scopes: ['read'], revoked: false })).toEqual([
    { field: 'scopes', before: null, after: '["read"]' },
    { field: 'revoked', before: null, after: 'false' },
  ]);
});

test('what changed nothing has no fields', () => {
  expect(auditChanges(null, undefined)).toEqual([]);
});
