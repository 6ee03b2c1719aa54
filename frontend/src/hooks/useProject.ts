import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { meQuery } from '../api/auth';
import type { Me } from '../api/types';

/** The project id of the URL. Every page under /p/<project> has one. */
export function useProject(): string {
  const { project } = useParams({ strict: false });
  if (!project) throw new Error('useProject belongs under /p/<project>');
  return project;
}

/** Who is signed in; loaded by the project route before any page renders. */
export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}
