import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SearchInput } from './SearchInput';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function show() {
  const onChange = vi.fn();
  const input = (value: string) => (
    <MantineProvider env="test">
      <SearchInput label="Search" value={value} onChange={onChange} />
    </MantineProvider>
  );
  const { rerender } = render(input(''));
  const box = () => screen.getByRole<HTMLInputElement>('searchbox', { name: 'Search' });
  return {
    onChange,
    box,
    type: (text: string) => fireEvent.change(box(), { target: { value: text } }),
    settle: () => act(() => vi.advanceTimersByTime(300)),
    answer: (value: string) => rerender(input(value)),
  };
}

it('keeps what is typed while the address takes what was typed before', () => {
  const { box, type, settle, answer, onChange } = show();
  type('time');
  settle();
  type('timeout');
  answer('time');
  expect(box().value).toBe('timeout');
  settle();
  expect(onChange.mock.calls).toEqual([['time'], ['timeout']]);
});

it('takes answers that come late, one after the other, for no word of somebody else', () => {
  const { box, type, settle, answer } = show();
  type('time');
  settle();
  type('timeout');
  settle();
  answer('time');
  expect(box().value).toBe('timeout');
  answer('timeout');
  expect(box().value).toBe('timeout');
});

it('follows the address where somebody goes back or takes all filters away', () => {
  const { box, type, settle, answer, onChange } = show();
  type('time');
  settle();
  answer('time');
  type('timeo');
  answer('');
  settle();
  expect(box().value).toBe('');
  expect(onChange.mock.calls).toEqual([['time']]);
});
