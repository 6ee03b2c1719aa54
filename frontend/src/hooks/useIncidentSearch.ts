import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { SEVERITIES } from '../api/types';
import { isId, readList, readOne, readWhere, unreadOf } from '../util/address';

type Change = Partial<Record<'status' | 'severity' | 'q' | 'assignee' | 'order' | 'when', string | undefined>>;

const STATUSES = ['open', 'detected', 'acknowledged', 'investigating', 'mitigated', 'resolved', 'learned', 'merged', 'all'];

/** Which incidents the URL asks for, and how to change it. What the server would refuse is left out and told. */
export function useIncidentSearch() {
  const { q, ...search } = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = useCallback(
    (change: Change) => void navigate({ to: '.', search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const status = readList(search.status, STATUSES);
  const severity = readList(search.severity, SEVERITIES);
  const assignee = readWhere(search.assignee, isId);
  const order = readOne(search.order, ['worst', 'oldest'] as const);
  const when = readOne(search.when, ['resolved'] as const);
  return {
    /** Statuses between commas, or `all`. */
    status: status.used?.split(',').includes('all') ? 'all' : (status.used ?? 'open'),
    severity: severity.used,
    assignee: assignee.used,
    order: order.used,
    when: when.used,
    q,
    unread: unreadOf(
      { values: status.unread, is: 'no status', are: 'no statuses', instead: `There are ${STATUSES.join(', ')}.` },
      { values: severity.unread, is: 'no severity', are: 'no severities', instead: `There are ${SEVERITIES.join(', ')}.` },
      { values: assignee.unread, is: 'no id of a person', are: 'no ids of people', instead: 'Choose the assignee from the list.' },
      { values: order.unread, is: 'no order', are: 'no orders', instead: 'There are worst and oldest; without one the newest come first.' },
      { values: when.unread, is: 'nothing that the range can be of', are: 'nothing', instead: 'There is resolved; without it the range is of when they were opened.' },
    ),
    set,
  };
}
