import { Button, Checkbox } from '@mantine/core';
import { IconAlertCircleFilled, IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { TraceSpan } from '../api/traces';
import { ROW_ATTRIBUTE, useListKeys } from '../hooks/useListKeys';
import { SearchInput } from '../ui/SearchInput';
import { exactCount, shortDuration } from '../util/numbers';
import { foundSpans } from '../util/trace-find';
import { axisMarks, criticalPath, nextOf, visibleRows, type LaidSpan, type SpanRow, type SpanTree } from '../util/trace-layout';
import { ServiceName } from './ServiceName';
import classes from './Waterfall.module.css';

export type TimedSpan = Omit<TraceSpan, 'start'> & LaidSpan;

interface WaterfallProps {
  tree: SpanTree<TimedSpan>;
  colorOf: (service: string) => string;
  selected: string | undefined;
  onSelect: (span: string) => void;
}

const ROW_HEIGHT = 28;
const NONE: ReadonlySet<string> = new Set();
/** The top bar, and a row. */
const BENEATH_THE_BAR = 48 + ROW_HEIGHT;
/** Deeper spans are not indented further. */
const DEEPEST = 24;

/** Spans as bars on the trace's time, beneath their parents. Subtrees collapse; dragging on the axis zooms. */
export function Waterfall({ tree, colorOf, selected, onSelect }: WaterfallProps) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [view, setView] = useState({ from: tree.from, to: tree.to });
  const [critical, setCritical] = useState(true);
  const [text, setText] = useState('');
  const [at, setAt] = useState<string>();
  const all = useMemo(() => visibleRows(tree, NONE), [tree]);
  const found = useMemo(() => foundSpans(all.map(({ span }) => span), text), [all, text]);
  const finding = text.trim() !== '';
  // What is looked for may be beneath a span that is collapsed.
  const rows = useMemo(() => (finding ? all : visibleRows(tree, collapsed)), [finding, all, tree, collapsed]);
  const path = useMemo(() => criticalPath(tree), [tree]);
  const list = useListKeys<HTMLDivElement>({ count: rows.length });
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => setMargin((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY), [list]);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_HEIGHT,
    overscan: 24,
    scrollMargin: margin,
    scrollPaddingStart: BENEATH_THE_BAR,
    scrollPaddingEnd: ROW_HEIGHT,
  });
  const chosen = rows.findIndex(({ span }) => span.span_id === selected);
  // A link may name a span far down, and its details step to others.
  useEffect(() => {
    if (chosen >= 0 && margin > 0) virtual.scrollToIndex(chosen);
  }, [virtual, chosen, margin]);
  // Enter may come before what was typed has settled.
  const findNext = (now: string) => {
    const spans = all.map(({ span }) => span);
    const next = nextOf(spans.map((span) => span.span_id), foundSpans(spans, now), at);
    setText(now);
    setAt(next);
    const index = all.findIndex(({ span }) => span.span_id === next);
    if (index >= 0) virtual.scrollToIndex(index, { align: 'center' });
  };
  const toggle = (id: string, collapse = !collapsed.has(id)) => {
    const next = new Set(collapsed);
    if (collapse) next.add(id);
    else next.delete(id);
    setCollapsed(next);
  };
  const zoomed = view.from !== tree.from || view.to !== tree.to;
  const focusable = Math.max(0, chosen);

  return (
    <div className={classes.waterfall}>
      <div className={classes.tools}>
        <Checkbox size="xs" label="Critical path" checked={critical} onChange={(event) => setCritical(event.currentTarget.checked)} />
        <Button size="compact-xs" variant="default" disabled={collapsed.size === 0} onClick={() => setCollapsed(new Set())}>
          Expand all
        </Button>
        {zoomed && (
          <Button size="compact-xs" variant="default" onClick={() => setView({ from: tree.from, to: tree.to })}>
            Whole trace
          </Button>
        )}
        <form
          role="search"
          aria-label="Spans"
          className={classes.find}
          onSubmit={(event) => {
            event.preventDefault();
            findNext(String(new FormData(event.currentTarget).get('search') ?? ''));
          }}
        >
          <SearchInput label="Find a span" value={text} onChange={setText} />
          <span className="dim" role="status">
            {finding && `${exactCount(found.size)} of ${exactCount(all.length)} match${found.size > 0 ? ', Enter goes to the next' : ''}`}
          </span>
        </form>
        <span className={classes.hint}>Drag on the axis to zoom</span>
      </div>
      <Axis view={view} origin={tree.from} onZoom={(from, to) => setView({ from, to })} />
      <div
        ref={list}
        role="tree"
        aria-label="Spans"
        className={classes.rows}
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <Row
              key={row.span.span_id}
              row={row}
              index={item.index}
              top={item.start - margin}
              view={view}
              origin={tree.from}
              color={colorOf(row.span.service)}
              critical={critical && path.has(row.span.span_id)}
              collapsed={!finding && collapsed.has(row.span.span_id)}
              selected={row.span.span_id === selected}
              faint={finding && !found.has(row.span.span_id)}
              current={finding && row.span.span_id === at}
              focusable={item.index === focusable}
              onSelect={onSelect}
              onToggle={toggle}
            />
          );
        })}
      </div>
    </div>
  );
}

interface View {
  from: number;
  to: number;
}

interface RowProps {
  row: SpanRow<TimedSpan>;
  index: number;
  top: number;
  view: View;
  origin: number;
  color: string;
  critical: boolean;
  collapsed: boolean;
  selected: boolean;
  /** It is none of those that are looked for. */
  faint: boolean;
  /** It is the one that was gone to last. */
  current: boolean;
  focusable: boolean;
  onSelect: (span: string) => void;
  onToggle: (span: string, collapse?: boolean) => void;
}

function Row({ row, index, top, view, origin, color, critical, collapsed, selected, faint, current, focusable, onSelect, onToggle }: RowProps) {
  const { span, depth, below } = row;
  const failed = span.status === 'error';
  const place = barPlace(span, view);
  const offset = shortDuration(span.start - origin);
  const press = (event: React.KeyboardEvent) => {
    const acts: Record<string, () => void> = {
      Enter: () => onSelect(span.span_id),
      ' ': () => onSelect(span.span_id),
      ArrowLeft: () => below > 0 && onToggle(span.span_id, true),
      ArrowRight: () => onToggle(span.span_id, false),
      ArrowDown: () => focusRow(event.currentTarget, index + 1),
      ArrowUp: () => focusRow(event.currentTarget, index - 1),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <div
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={selected}
      aria-label={`${span.service} ${span.name}, ${shortDuration(span.duration_ms)}, begins at ${offset}${failed ? ', error' : ''}${critical ? ', on the critical path' : ''}`}
      {...(below > 0 && { 'aria-expanded': !collapsed })}
      tabIndex={focusable ? 0 : -1}
      className={classes.row}
      style={{ transform: `translateY(${top}px)` }}
      data-selected={selected || undefined}
      data-faint={faint || undefined}
      data-current={current || undefined}
      {...{ [ROW_ATTRIBUTE]: index }}
      onClick={() => onSelect(span.span_id)}
      onKeyDown={press}
    >
      <div className={classes.name} style={{ paddingLeft: `calc(8px + ${Math.min(depth, DEEPEST)} * var(--indent))` }}>
        <span
          className={classes.toggle}
          aria-hidden
          onClick={(event) => {
            event.stopPropagation();
            if (below > 0) onToggle(span.span_id);
          }}
        >
          {below > 0 && (collapsed ? <IconChevronRight size={14} /> : <IconChevronDown size={14} />)}
        </span>
        {failed && <IconAlertCircleFilled size={14} className={classes.error} aria-hidden />}
        <ServiceName service={span.service} color={color} />
        <span className={classes.operation} title={span.name}>
          {span.name}
        </span>
        {collapsed && <span className={classes.below}>+{below}</span>}
      </div>
      <div className={classes.lane}>
        {place && (
          <span className={classes.bar} style={{ left: `${place.left}%`, width: `max(2px, ${place.width}%)`, background: color }} data-bad={failed || undefined} data-critical={critical || undefined} />
        )}
        {place && (
          <span className={classes.length} style={place.left + place.width > 80 ? { right: `calc(${100 - place.left}% + 6px)` } : { left: `calc(${place.left + place.width}% + 6px)` }} data-inside={(place.left + place.width > 80 && place.left < 12) || undefined}>
            {shortDuration(span.duration_ms)}
          </span>
        )}
      </div>
    </div>
  );
}

function focusRow(from: Element, index: number): void {
  from.parentElement?.querySelector<HTMLElement>(`[${ROW_ATTRIBUTE}="${index}"]`)?.focus();
}

/** Percent of the lane; undefined for what lies outside the view. */
function barPlace(span: LaidSpan, view: View): { left: number; width: number } | undefined {
  const length = Math.max(view.to - view.from, 1e-6);
  const left = Math.max(0, (span.start - view.from) / length);
  const right = Math.min(1, (span.start + span.duration_ms - view.from) / length);
  if (right < 0 || left > 1) return undefined;
  return { left: left * 100, width: Math.max(0, right - left) * 100 };
}

const SMALLEST_DRAG = 4;

function Axis({ view, origin, onZoom }: { view: View; origin: number; onZoom: (from: number, to: number) => void }) {
  const lane = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const length = view.to - view.from;
  const shareAt = (event: React.PointerEvent) => {
    const area = lane.current?.getBoundingClientRect();
    return area ? Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)) : 0;
  };
  const release = () => {
    const width = lane.current?.clientWidth ?? 0;
    if (drag && Math.abs(drag.to - drag.from) * width >= SMALLEST_DRAG) {
      const [left, right] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      onZoom(view.from + left * length, view.from + right * length);
    }
    setDrag(null);
  };
  return (
    <div className={classes.axis} aria-hidden>
      <div className={classes.axisName}>Service and operation</div>
      <div
        ref={lane}
        className={classes.axisLane}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: shareAt(event), to: shareAt(event) });
        }}
        onPointerMove={(event) => drag && setDrag({ from: drag.from, to: shareAt(event) })}
        onPointerUp={release}
        onPointerCancel={() => setDrag(null)}
      >
        {axisMarks(view.from - origin, view.to - origin).map((mark) => {
          const left = ((mark + origin - view.from) / Math.max(length, 1e-6)) * 100;
          return (
            <span key={mark} className={classes.mark} style={{ left: `${left}%` }} data-last={left > 92 || undefined}>
              {shortDuration(mark)}
            </span>
          );
        })}
        {drag && <span className={classes.drag} style={{ left: `${Math.min(drag.from, drag.to) * 100}%`, width: `${Math.abs(drag.to - drag.from) * 100}%` }} />}
      </div>
    </div>
  );
}
