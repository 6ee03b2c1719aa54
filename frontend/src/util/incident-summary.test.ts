import { expect, it } from 'vitest';
import type { Incident } from '../api/types';
import { incidentSummary } from './incident-summary';

const incident = {
  id: 'i1', project_id: 'p1', key: 'INC-7', severity: 'SEV1', status: 'investigating', title: 'Checkout answers 502',
  opened_at: '2026-11-23T02:41:00Z', resolved_at: null, assignee: { id: 'u1', name: 'Mira Lindqvist' },
} as Incident;

it('tells an open incident in three lines, with the zone of its time', () => {
  const [what, when, where] = incidentSummary(incident, 'https://sre.example.net').split('\n');
  expect(what).toBe('INC-7 · SEV1 · investigating: Checkout answers 502');
  expect(when).toMatch(/^open since .*\d\d:\d\d:\d\d \S+, assigned to Mira Lindqvist$/);
  expect(where).toBe('https://sre.example.net/p/p1/incidents/INC-7');
});

it('tells how long a resolved one lasted, and one without a number by its id', () => {
  const over = { ...incident, key: null, resolved_at: '2026-11-23T03:15:00Z', assignee: null };
  expect(incidentSummary(over, '').split('\n').slice(1)).toEqual(['resolved after 34 min, assigned to nobody', '/p/p1/incidents/i1']);
});
