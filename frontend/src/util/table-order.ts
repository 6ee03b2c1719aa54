/**
 * How the rows of a table are ordered by one of its numbers, as the URL says it: `p95` is the highest first, `p95:lowest`
 * the lowest. Without one they are as they came.
 */
const LOWEST = ':lowest';

export type Numbers<T> = Readonly<Record<string, (row: T) => number>>;

/** Every order that there is by some numbers. */
export function ordersOf(names: readonly string[]): string[] {
  return names.flatMap((name) => [name, name + LOWEST]);
}

/** Highest first, then lowest first, then as they came. */
export function nextOrder(order: string | undefined, by: string): string | undefined {
  if (order === by) return by + LOWEST;
  return order === by + LOWEST ? undefined : by;
}

export function directionOf(order: string | undefined, by: string): 'ascending' | 'descending' | undefined {
  if (order === by) return 'descending';
  return order === by + LOWEST ? 'ascending' : undefined;
}

export function inOrder<T>(rows: readonly T[], order: string | undefined, numbers: Numbers<T>): readonly T[] {
  const name = order?.endsWith(LOWEST) ? order.slice(0, -LOWEST.length) : order;
  const number = name !== undefined && Object.hasOwn(numbers, name) ? numbers[name] : undefined;
  if (!number || name === undefined) return rows;
  const sign = directionOf(order, name) === 'ascending' ? 1 : -1;
  return rows.toSorted((left, right) => sign * (number(left) - number(right)));
}
