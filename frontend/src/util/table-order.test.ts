import { expect, it } from 'vitest';
import { directionOf, inOrder, nextOrder, ordersOf } from './table-order';

const rows = [{ name: 'cart', errors: 1 }, { name: 'pay', errors: 9 }, { name: 'mail', errors: 0 }];
const numbers = { errors: (row: { errors: number }) => row.errors };
const names = (order: string | undefined) => inOrder(rows, order, numbers).map(({ name }) => name);

it('puts the highest first, or the lowest, or leaves rows as they came', () => {
  expect(names('errors')).toEqual(['pay', 'cart', 'mail']);
  expect(names('errors:lowest')).toEqual(['mail', 'cart', 'pay']);
  expect(names(undefined)).toEqual(['cart', 'pay', 'mail']);
});

it('leaves rows as they came where the table has no such number', () => {
  expect(names('p99')).toEqual(['cart', 'pay', 'mail']);
  expect(names('toString')).toEqual(['cart', 'pay', 'mail']);
});

it('goes through the orders of a header and back, and begins anew with another', () => {
  const [first, second] = ordersOf(['errors']);
  expect([nextOrder(undefined, 'errors'), nextOrder(first, 'errors'), nextOrder(second, 'errors')]).toEqual([first, second, undefined]);
  expect(nextOrder('p95', 'errors')).toBe('errors');
  expect([directionOf(first, 'errors'), directionOf(second, 'errors'), directionOf('p95', 'errors')]).toEqual(['descending', 'ascending', undefined]);
});
