import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { LoadMore } from './LoadMore';
import { QueryView } from './QueryView';

const failed = {
  data: ['first row'],
  error: new Problem({ status: 503, request_id: 'r-1' }),
  refetch: () => Promise.reject(new Error('asked for all of it')),
  hasNextPage: true,
  isFetchingNextPage: false,
  isFetchNextPageError: true,
  fetchNextPage: vi.fn(),
};

function List({ query }: { query: typeof failed }) {
  return (
    <MantineProvider env="test">
      <QueryView query={query} skeleton={null}>
        {(rows) => <p>{rows.join()}</p>}
      </QueryView>
      <LoadMore query={query} />
    </MantineProvider>
  );
}

it('says once, beneath the list, why the next page did not come', () => {
  render(<List query={failed} />);
  const told = screen.getAllByRole('alert');
  expect(told).toHaveLength(1);
  const afterRows = screen.getByText('first row').compareDocumentPosition(told[0] as HTMLElement);
  expect(afterRows & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
  screen.getByRole('button', { name: 'Load more' }).click();
  expect(failed.fetchNextPage).toHaveBeenCalledOnce();
});

it('says above the list what failed of all of it', () => {
  render(<List query={{ ...failed, isFetchNextPageError: false }} />);
  const [told] = screen.getAllByRole('alert');
  expect(screen.getByText('first row').compareDocumentPosition(told as HTMLElement) & Node.DOCUMENT_POSITION_PRECEDING).toBeTruthy();
});
