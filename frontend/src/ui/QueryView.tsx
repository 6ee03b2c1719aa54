import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '../api/problem';
import { ProblemAlert } from './ProblemAlert';

interface QueryViewProps<T> {
  /** Of a list in pages: that the next one failed is said where it was asked for, at the list's end. */
  query: Pick<UseQueryResult<T>, 'data' | 'error' | 'refetch'> & { isFetchNextPageError?: boolean };
  skeleton: ReactNode;
  children: (data: T) => ReactNode;
}

/** Data when there is some (a failed refetch keeps it, with the problem above), else the problem, else the skeleton. */
export function QueryView<T>({ query, skeleton, children }: QueryViewProps<T>) {
  const problem = query.error && !query.isFetchNextPageError ? (
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
