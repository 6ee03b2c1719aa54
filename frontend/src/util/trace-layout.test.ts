import { expect, it } from 'vitest';
import { axisMarks, criticalPath, flames, nextOf, selfTime, spanTree, visibleRows } from './trace-layout';

const span = (span_id: string, parent_id: string | null, start: number, duration_ms: number) => ({ span_id, parent_id, start, duration_ms });

const TRACE = [
  span('db', 'api', 20, 30),
  span('root', null, 0, 100),
  span('api', 'root', 10, 80),
  span('cache', 'api', 12, 5),
  span('log', 'root', 5, 2),
];

it('orders rows depth first by start, and counts what is beneath', () => {
  const rows = visibleRows(spanTree(TRACE), new Set());
  expect(rows.map(({ span, depth, below }) => [span.span_id, depth, below])).toEqual([
    ['root', 0, 4],
    ['log', 1, 0],
    ['api', 1, 2],
    ['cache', 2, 0],
    ['db', 2, 0],
  ]);
});

it('leaves out what is beneath a collapsed span only', () => {
  const rows = visibleRows(spanTree(TRACE), new Set(['api']));
  expect(rows.map(({ span }) => span.span_id)).toEqual(['root', 'log', 'api']);
});

it('shows spans whose parent never came, and those in a circle', () => {
  const tree = spanTree([span('a', 'gone', 0, 1), span('b', 'c', 5, 1), span('c', 'b', 6, 1)]);
  expect(visibleRows(tree, new Set()).map(({ span }) => span.span_id)).toEqual(['a', 'b', 'c']);
});

it('is quick and flat for a chain of thousands', () => {
  const chain = Array.from({ length: 5_000 }, (_, index) => span(`s${index}`, index > 0 ? `s${index - 1}` : null, index, 1));
  expect(visibleRows(spanTree(chain), new Set()).at(-1)).toMatchObject({ depth: 4_999, below: 0 });
});

it('follows what the end waited for', () => {
  expect(criticalPath(spanTree(TRACE))).toEqual(new Set(['root', 'api', 'db', 'cache', 'log']));
  const parallel = spanTree([span('root', null, 0, 100), span('slow', 'root', 0, 95), span('fast', 'root', 0, 20)]);
  expect(criticalPath(parallel)).toEqual(new Set(['root', 'slow']));
});

it('does not count time twice where children overlap', () => {
  expect(selfTime(span('p', null, 0, 100), [span('a', 'p', 0, 40), span('b', 'p', 20, 40), span('c', 'p', 90, 40)])).toBe(30);
});

it('merges equal paths into one flame', () => {
  const tree = spanTree([span('r', null, 0, 10), span('q1', 'r', 0, 3), span('q2', 'r', 4, 3)]);
  const [root] = flames(tree, ({ span_id }) => span_id[0] ?? '');
  expect(root).toMatchObject({ value: 10, self: 4, children: [{ count: 2, value: 6 }] });
});

it('marks an axis at round times', () => {
  expect(axisMarks(0, 100)).toEqual([0, 20, 40, 60, 80, 100]);
  expect(axisMarks(0.13, 0.29)).toEqual([0.15, 0.2, 0.25]);
});

it('steps through some of the spans, from the last to the first again', () => {
  const [order, failed] = [['root', 'log', 'api', 'db'], new Set(['log', 'db'])];
  expect(nextOf(order, failed, undefined)).toBe('log');
  expect(nextOf(order, failed, 'log')).toBe('db');
  expect(nextOf(order, failed, 'db')).toBe('log');
  expect(nextOf(order, new Set(['db']), 'db')).toBe('db');
  expect(nextOf(order, new Set(), 'root')).toBeUndefined();
});
