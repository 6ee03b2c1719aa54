import { useQuery } from '@tanstack/react-query';
import { useParams, useRouterState } from '@tanstack/react-router';
import { meQuery } from '../api/auth';
import type { Me } from '../api/types';

/** The project id of the URL. Every page under /p/<project> has one. */
export function useProject(): string {
  const { project } = useParams({ strict: false });
  if (!project) throw new Error('useProject belongs under /p/<project>');
  return project;
}

/**
 * The project that the URL leads to: another one than that of the page while the project is being changed. What
 * surrounds the pages leads there, so that a click meanwhile does not undo the change.
 */
export function useNextProject(): string {
  const project = useProject();
  const asked = useRouterState({ select: ({ location }) => /^\/p\/([^/]+)/.exec(location.pathname)?.[1] });
  return asked ?? project;
}

/** Who is signed in; loaded by the project route before any page renders. */
export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}
