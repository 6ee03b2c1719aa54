import { expect, it } from 'vitest';
import { assigneeName } from './assignee';

const ada = { id: 'u1', name: 'Ada' };

it('tells an assignee who has left from one who is there', () => {
  expect(assigneeName(ada, [{ user_id: 'u1' }])).toBe('Ada');
  expect(assigneeName(ada, [{ user_id: 'u2' }])).toBe('Ada (no member any more)');
  expect(assigneeName(ada, undefined)).toBe('Ada');
  expect(assigneeName(null, [])).toBe('Unassigned');
});
