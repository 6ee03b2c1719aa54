import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { AuditFilter } from '../api/audit';
import { readAudit, type AuditSearch } from '../util/audit-search';

export type { AuditSearch };

/** Which entries the URL asks for, and how to change it. What the server would refuse is left out and told. */
export function useAuditSearch() {
  const { q, kind, result, actor, target } = useSearch({ strict: false });
  const navigate = useNavigate();
  const { search, unread } = useMemo(() => readAudit({ q, kind, result, actor, target }), [q, kind, result, actor, target]);
  const filter = useMemo(() => filterOf(search), [search]);
  const set = useMemo(
    () => (change: AuditSearch) => void navigate({ to: '.', search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  return { search, filter, unread, set };
}

function filterOf({ q, kind, result, actor, target }: AuditSearch): AuditFilter {
  const at = target?.indexOf(':') ?? 0;
  const given = { q, kind, result, actor, target_type: target?.slice(0, at), target_id: target?.slice(at + 1) };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
