import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it } from 'vitest';
import { useState } from 'react';
import { ROW_ATTRIBUTE, useListKeys } from './useListKeys';

/** `x` takes the focused row away, as acknowledging does in a list of what is not acknowledged. */
function List() {
  const [rows, setRows] = useState(['a', 'b', 'c', 'd']);
  const list = useListKeys<HTMLUListElement>({
    count: rows.length,
    on: { x: (index) => setRows((before) => before.filter((_, at) => at !== index)) },
  });
  return (
    <ul ref={list}>
      {rows.map((row, index) => (
        <li key={row} {...{ [ROW_ATTRIBUTE]: index }}>
          <button data-row-link>{row}</button>
        </li>
      ))}
    </ul>
  );
}

const show = () =>
  render(
    <MantineProvider env="test">
      <List />
    </MantineProvider>,
  );
const focused = () => document.activeElement?.textContent;

it('walks the rows and stops at the ends', async () => {
  show();
  await userEvent.keyboard('k');
  expect(focused()).toBe('a');
  await userEvent.keyboard('jjjjj');
  expect(focused()).toBe('d');
});

it('goes on with the row that took the place of the one that left', async () => {
  show();
  await userEvent.keyboard('jj');
  expect(focused()).toBe('b');
  await userEvent.keyboard('x');
  expect(screen.queryByText('b')).toBeNull();
  await userEvent.keyboard('j');
  expect(focused()).toBe('c');
});
