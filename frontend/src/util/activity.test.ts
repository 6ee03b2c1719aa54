import { expect, it } from 'vitest';
import type { Incident } from '../api/types';
import { recentActivity } from './activity';

const incident = (id: string, times: Partial<Incident>) =>
  ({ id, opened_at: '2026-01-01T00:00:00Z', acknowledged_at: null, investigating_at: null, mitigated_at: null, resolved_at: null, learned_at: null, ...times }) as Incident;

it('lists the newest steps of all incidents, newest first, and only those that happened', () => {
  const activity = recentActivity(
    [
      incident('a', { acknowledged_at: '2026-01-03T00:00:00Z' }),
      incident('b', { opened_at: '2026-01-02T00:00:00Z', resolved_at: '2026-01-04T00:00:00Z' }),
    ],
    3,
  );
  expect(activity.map(({ id }) => id)).toEqual(['b/resolved', 'a/acknowledged', 'b/detected']);
});
