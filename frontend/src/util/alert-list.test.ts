import { expect, it } from 'vitest';
import type { Alert } from '../api/types';
import { commonLabels, matchingAlerts } from './alert-list';

const alert = (status: string, node: string, summary = '') =>
  ({ name: 'NodeDown', status, labels: { node, zone: 'a' }, annotations: { summary } }) as unknown as Alert;

it('tells what all share from what tells them apart', () => {
  expect(commonLabels([{ node: 'a', zone: 'x' }, { node: 'b', zone: 'x' }, { node: 'c', zone: 'x', more: '' }])).toEqual({ zone: 'x' });
  expect(commonLabels([{ node: 'a' }])).toEqual({});
});

it('finds alerts by all of the words, firing ones first', () => {
  const alerts = [alert('resolved', 'n-10'), alert('firing', 'n-20', 'disk full'), alert('firing', 'n-10', 'disk slow')];
  expect(matchingAlerts(alerts, '').map(({ status }) => status)).toEqual(['firing', 'firing', 'resolved']);
  expect(matchingAlerts(alerts, 'node=n-10 DISK')).toEqual([alerts[2]]);
  expect(matchingAlerts(alerts, 'n-30')).toEqual([]);
});
