/** What the layout needs of a span; times in milliseconds, `start` since 1970. */
export interface LaidSpan {
  span_id: string;
  parent_id?: string | null | undefined;
  start: number;
  duration_ms: number;
}

export interface SpanRow<S extends LaidSpan> {
  span: S;
  depth: number;
  /** How many spans are beneath it, collapsed or not. */
  below: number;
}

export interface SpanTree<S extends LaidSpan> {
  roots: S[];
  children: ReadonlyMap<string, readonly S[]>;
  from: number;
  to: number;
}

/** Children by parent, in the order of their start. A span whose parent is not there is a root: traces arrive with holes. */
export function spanTree<S extends LaidSpan>(spans: readonly S[]): SpanTree<S> {
  const ids = new Set(spans.map(({ span_id }) => span_id));
  const children = new Map<string, S[]>();
  const roots: S[] = [];
  for (const span of [...spans].sort((left, right) => left.start - right.start)) {
    const parent = span.parent_id;
    if (!parent || !ids.has(parent) || parent === span.span_id) roots.push(span);
    else children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const from = spans.reduce((least, span) => Math.min(least, span.start), Infinity);
  const to = spans.reduce((most, span) => Math.max(most, span.start + span.duration_ms), -Infinity);
  const reached = new Set(walk(roots, children).map(({ span }) => span.span_id));
  // Spans that are each other's ancestors hang from no root; the first of them becomes one.
  const lost = spans.find(({ span_id }) => !reached.has(span_id));
  if (lost) return spanTree(spans.map((span) => (span === lost ? { ...span, parent_id: null } : span)));
  return { roots, children, from, to };
}

/** The rows of a waterfall, depth first; what is beneath a collapsed span is left out. */
export function visibleRows<S extends LaidSpan>(tree: SpanTree<S>, collapsed: ReadonlySet<string>): SpanRow<S>[] {
  const all = walk(tree.roots, tree.children);
  const rows: SpanRow<S>[] = [];
  for (let index = 0; index < all.length; index += 1) {
    const row = all[index];
    if (!row) break;
    rows.push(row);
    if (collapsed.has(row.span.span_id)) index += row.below;
  }
  return rows;
}

function walk<S extends LaidSpan>(roots: readonly S[], children: ReadonlyMap<string, readonly S[]>): SpanRow<S>[] {
  const rows: SpanRow<S>[] = [];
  const open: { at: number; depth: number }[] = [];
  const stack = roots.map((span) => ({ span, depth: 0 })).reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    closeFrom(next.depth);
    open.push({ at: rows.length, depth: next.depth });
    rows.push({ ...next, below: 0 });
    const { depth } = next;
    for (const child of [...(children.get(next.span.span_id) ?? [])].reverse()) stack.push({ span: child, depth: depth + 1 });
  }
  closeFrom(0);
  return rows;

  function closeFrom(depth: number) {
    for (let last = open.at(-1); last && last.depth >= depth; last = open.at(-1)) {
      const row = rows[last.at];
      if (row) row.below = rows.length - last.at - 1;
      open.pop();
    }
  }
}

/** The next of some spans in the order of the rows; after the last comes the first. */
export function nextOf(order: readonly string[], wanted: ReadonlySet<string>, current: string | undefined): string | undefined {
  const from = current === undefined ? 0 : order.indexOf(current) + 1;
  return [...order.slice(from), ...order.slice(0, from)].find((id) => wanted.has(id));
}

/**
 * The spans that the end of the trace waited for: from the longest root's end backwards, always the child that ended last
 * before the point reached. Shortening any other span would not have made the trace shorter.
 */
export function criticalPath<S extends LaidSpan>(tree: SpanTree<S>): Set<string> {
  const path = new Set<string>();
  const root = tree.roots.reduce<S | undefined>((longest, span) => (longest && longest.duration_ms >= span.duration_ms ? longest : span), undefined);
  const stack = root ? [{ span: root, until: root.start + root.duration_ms }] : [];
  for (let next = stack.pop(); next; next = stack.pop()) {
    path.add(next.span.span_id);
    let until = next.until;
    const latestFirst = [...(tree.children.get(next.span.span_id) ?? [])].sort((left, right) => endOf(right) - endOf(left));
    for (const child of latestFirst) {
      // A child that outlives its parent was not waited for to its end, and one that begins later not at all.
      if (child.start >= until || endOf(child) > until + SLACK_MS) continue;
      stack.push({ span: child, until: endOf(child) });
      until = child.start;
    }
  }
  return path;
}

/** Clocks of two machines disagree by about this much. */
const SLACK_MS = 1;

/** Time of a span that none of its children covers, in milliseconds. */
export function selfTime<S extends LaidSpan>(span: S, children: readonly S[]): number {
  let covered = 0;
  let reached = span.start;
  const end = endOf(span);
  for (const child of [...children].sort((left, right) => left.start - right.start)) {
    const from = Math.max(reached, child.start);
    const to = Math.min(end, endOf(child));
    if (to > from) {
      covered += to - from;
      reached = to;
    }
  }
  return Math.max(0, span.duration_ms - covered);
}

export interface Flame<S extends LaidSpan> {
  key: string;
  /** The first of the merged spans. */
  span: S;
  count: number;
  /** Own time and that of everything beneath, in milliseconds; with parallel children more than passed on the clock. */
  value: number;
  self: number;
  children: Flame<S>[];
}

/** Spans with the same path of names merged, as a flame graph draws them. */
export function flames<S extends LaidSpan>(tree: SpanTree<S>, nameOf: (span: S) => string): Flame<S>[] {
  return merge(tree.roots, '');

  function merge(spans: readonly S[], path: string): Flame<S>[] {
    const groups = new Map<string, S[]>();
    for (const span of spans) groups.set(nameOf(span), [...(groups.get(nameOf(span)) ?? []), span]);
    const merged = [...groups].map(([name, members]) => flame(members, `${path}/${name}`));
    return merged.sort((left, right) => right.value - left.value);
  }

  function flame(members: readonly S[], key: string): Flame<S> {
    const below = members.map((span) => tree.children.get(span.span_id) ?? []);
    const children = merge(below.flat(), key);
    const self = members.reduce((sum, span, index) => sum + selfTime(span, below[index] ?? []), 0);
    const value = self + children.reduce((sum, child) => sum + child.value, 0);
    return { key, span: members[0] as S, count: members.length, value, self, children };
  }
}

/** Round marks for a time axis from `from` to `to`, in milliseconds after the trace's beginning. */
export function axisMarks(from: number, to: number, wanted = 5): number[] {
  const raw = (to - from) / wanted;
  if (!(raw > 0)) return [from];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw) ?? raw;
  const marks: number[] = [];
  for (let mark = Math.ceil(from / step) * step; mark <= to + step * 1e-9; mark += step) marks.push(Number(mark.toPrecision(12)));
  return marks;
}

function endOf(span: LaidSpan): number {
  return span.start + span.duration_ms;
}
