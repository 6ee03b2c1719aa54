import { Button, Center } from '@mantine/core';
import { asProblem } from '../api/problem';
import { ProblemAlert } from './ProblemAlert';

interface LoadMoreProps {
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    isFetchNextPageError: boolean;
    error: unknown;
    fetchNextPage: () => unknown;
  };
}

/** The next page of a list on request; scrolling stays where it is. Why it did not come is said here, where it was asked for. */
export function LoadMore({ query }: LoadMoreProps) {
  if (!query.hasNextPage) return null;
  return (
    <>
      {query.isFetchNextPageError && <ProblemAlert problem={asProblem(query.error)} />}
      <Center mt="sm">
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
          Load more
        </Button>
      </Center>
    </>
  );
}
