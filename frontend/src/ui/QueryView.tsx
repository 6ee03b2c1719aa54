import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '../api/problem';
import { ProblemAlert } from './ProblemAlert';

interface QueryViewProps<T> {
  query: Pick<UseQueryResult<T>, 'data' | 'error' | 'refetch'>;
  skeleton: ReactNode;
  children: (data: T) => ReactNode;
}

/** Data when there is some (a failed refetch keeps it, with the problem above), else the problem, else the skeleton. */
export function QueryView<T>({ query, skeleton, children }: QueryViewProps<T>) {
  const problem = query.error ? (
    <ProblemAlert problem={asProblem(query.error)} retry={() => void query.refetch()} />
  ) : null;
  if (query.data === undefined) return problem ?? skeleton;
  return (
    <>
      {problem}
      {children(query.data)}
    </>
  );
}
