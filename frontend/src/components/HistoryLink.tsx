import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { may } from '../api/auth';
import { useMe, useProject } from '../hooks/useProject';

interface HistoryLinkProps {
  type: string;
  id: string;
  children?: ReactNode;
}

/** Who did what to one thing, for those who may see it. */
export function HistoryLink({ type, id, children = 'History' }: HistoryLinkProps) {
  const project = useProject();
  if (!may(useMe(), 'audit.read')) return null;
  return (
    <Link
      to="/p/$project/settings/audit"
      params={{ project }}
      search={{ target: `${type}:${id}`, range: 'all', from: undefined, to: undefined }}
      style={{ textDecoration: 'underline' }}
    >
      {children}
    </Link>
  );
}
