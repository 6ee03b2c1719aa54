import { expect, it } from 'vitest';
import type { TimelineEntry } from '../api/types';
import { groupAlerts, isRun, runText } from './timeline-groups';

const entry = (kind: string, n: number) => ({ id: `${kind}-${n}`, kind, at: '', actor: {}, text: null, data: {} }) as unknown as TimelineEntry;
const many = (kind: string, count: number) => Array.from({ length: count }, (_, n) => entry(kind, n));

it('makes one line of many alerts and leaves what people did', () => {
  const story = [entry('opened', 0), ...many('alert_fired', 500), entry('comment', 0), ...many('alert_resolved', 2), entry('resolved', 0)];
  const shown = groupAlerts(story);
  expect(shown.map((item) => (isRun(item) ? runText(item) : item.kind))).toEqual([
    'opened',
    '500 changes of alerts: 500 fired',
    'comment',
    'alert_resolved',
    'alert_resolved',
    'resolved',
  ]);
});

it('counts both ways of a change, and loses none', () => {
  const flapping = Array.from({ length: 50 }, (_, n) => entry(n % 2 === 0 ? 'alert_fired' : 'alert_resolved', n));
  const [run, ...rest] = groupAlerts(flapping);
  expect(rest).toEqual([]);
  expect(run && isRun(run) && [run.fired, run.resolved, run.entries.length]).toEqual([25, 25, 50]);
});
