import { Checkbox, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronUp } from '@tabler/icons-react';
import { replaceEqualDeep } from '@tanstack/react-query';
import {
  rowSelectionFeature,
  tableFeatures,
  useTable,
  type ColumnDef,
  type RowData,
  type RowSelectionState,
} from '@tanstack/react-table';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useLatest } from '../hooks/useLatest';
import { ROW_ATTRIBUTE, ROW_ID_ATTRIBUTE } from '../hooks/useListKeys';
import classes from './DataTable.module.css';
import { SteadyScroll } from './SteadyScroll';

const features = tableFeatures({ rowSelectionFeature });

type Features = typeof features;

/** A column: how a cell renders, its width, and from which screen width on it is shown. */
export interface Column<T> {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  width?: number;
  align?: 'right';
  /** `narrow`: also on a phone (default); `medium` and `wide`: from 760 and 1100 px on. */
  from?: 'medium' | 'wide';
  sort?: Sort;
}

/** That rows can be ordered by a column: how they are now, if by this one, and what its header does. */
export interface Sort {
  order: 'ascending' | 'descending' | undefined;
  toggle: () => void;
}

export interface Selection {
  ids: readonly string[];
  set: (ids: readonly string[]) => void;
}

interface DataTableProps<T extends RowData> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowId: (row: T) => string;
  rowName?: (row: T) => string;
  selection?: Selection;
  listRef?: RefObject<HTMLTableElement | null>;
  isDim?: (row: T) => boolean;
}

/** Beyond this many rows only those near the screen are in the document. */
const VIRTUAL_FROM = 100;
const ROW_HEIGHT = 41;

export function DataTable<T extends RowData>(props: DataTableProps<T>) {
  const own = useRef<HTMLTableElement>(null);
  const ref = props.listRef ?? own;
  const selected: RowSelectionState = Object.fromEntries((props.selection?.ids ?? []).map((id) => [id, true as const]));
  const table = useTable({
    features,
    data: props.rows as T[],
    columns: props.columns.map((column) => displayColumn<T>(column)),
    getRowId: props.rowId,
    state: { rowSelection: selected },
    onRowSelectionChange: (update) => {
      const after = typeof update === 'function' ? update(selected) : update;
      props.selection?.set(Object.keys(after).filter((id) => after[id]));
    },
  });
  const rows = table.getRowModel().rows;
  const visible = useVisibleRows(ref, rows.length);
  // Stable, so that a chosen row draws itself alone.
  const latest = useLatest({ selection: props.selection });
  const toggle = useCallback(
    (id: string) => {
      const { selection } = latest.current;
      selection?.set(selection.ids.includes(id) ? selection.ids.filter((one) => one !== id) : [...selection.ids, id]);
    },
    [latest],
  );

  return (
    <table className={classes.table} aria-label={props.label} aria-rowcount={rows.length + 1} ref={ref}>
      <thead>
        <tr>
          {props.selection && (
            <th className={classes.check} scope="col">
              <Checkbox
                size="xs"
                aria-label="Select all"
                checked={table.getIsAllRowsSelected()}
                indeterminate={table.getIsSomeRowsSelected()}
                onChange={table.getToggleAllRowsSelectedHandler()}
              />
            </th>
          )}
          {props.columns.map((column) => (
            <HeaderCell key={column.id} column={column} />
          ))}
        </tr>
      </thead>
      <tbody>
        <Spacer height={visible.before} />
        {rows.slice(visible.first, visible.last + 1).map((row) => (
          <DataRow
            key={row.id}
            row={row.original}
            id={row.id}
            index={row.index}
            columns={props.columns}
            name={props.rowName?.(row.original) ?? row.id}
            dim={props.isDim?.(row.original) ?? false}
            selected={row.getIsSelected()}
            toggle={props.selection ? toggle : undefined}
          />
        ))}
        <Spacer height={visible.after} />
      </tbody>
      <SteadyScroll table={ref} ids={rows.map((row) => row.id)} />
    </table>
  );
}

function HeaderCell<T>({ column }: { column: Column<T> }) {
  const { sort, header } = column;
  if (!sort) {
    return (
      <th scope="col" {...cellProps(column)}>
        {header}
      </th>
    );
  }
  const Arrow = sort.order === 'descending' ? IconChevronDown : IconChevronUp;
  return (
    <th scope="col" aria-sort={sort.order ?? 'none'} {...cellProps(column)}>
      <UnstyledButton className={classes.sort} onClick={sort.toggle}>
        {header}
        <Arrow size={12} aria-hidden data-off={sort.order === undefined || undefined} />
      </UnstyledButton>
    </th>
  );
}

interface DataRowProps<T> {
  row: T;
  id: string;
  index: number;
  columns: readonly Column<T>[];
  name: string;
  dim: boolean;
  selected: boolean;
  toggle: ((id: string) => void) | undefined;
}

function PlainRow<T>({ row, id, index, columns, name, dim, selected, toggle }: DataRowProps<T>) {
  return (
    <tr
      aria-rowindex={index + 2}
      {...{ [ROW_ATTRIBUTE]: index, [ROW_ID_ATTRIBUTE]: id }}
      data-selected={selected || undefined}
      data-dim={dim || undefined}
    >
      {toggle && (
        <td className={classes.check}>
          <Checkbox size="xs" aria-label={`Select ${name}`} checked={selected} onChange={() => toggle(id)} />
        </td>
      )}
      {columns.map((column) => (
        <td key={column.id} {...cellProps(column)}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** Drawn anew only where it says something else: in a storm every row is fetched again several times a second. */
const DataRow = memo(PlainRow, sameRow) as typeof PlainRow;

function sameRow<T>({ row: before, ...rest }: DataRowProps<T>, { row: after, ...others }: DataRowProps<T>): boolean {
  const names = Object.keys(rest) as (keyof typeof rest)[];
  return names.every((name) => rest[name] === others[name]) && replaceEqualDeep(before, after) === before;
}

function Spacer({ height }: { height: number }) {
  return height > 0 ? <tr aria-hidden style={{ height }} className={classes.spacer} /> : null;
}

function displayColumn<T extends RowData>(column: Column<T>): ColumnDef<Features, T> {
  return { id: column.id, header: column.header, accessorFn: (row: T) => row } as ColumnDef<Features, T>;
}

function cellProps<T>(column: Column<T>) {
  return { style: { width: column.width, textAlign: column.align }, 'data-from': column.from };
}

/** The window of rows to render, with the heights of what is left out before and after it. */
function useVisibleRows(ref: RefObject<HTMLTableElement | null>, count: number) {
  const [margin, setMargin] = useState(0);
  const [rowHeight, setRowHeight] = useState(ROW_HEIGHT);
  useLayoutEffect(() => setMargin(ref.current?.offsetTop ?? 0), [ref]);
  // As high as rows are here: with another height what is left out would shift what is shown.
  useLayoutEffect(() => {
    const height = ref.current?.querySelector(`[${ROW_ATTRIBUTE}]`)?.getBoundingClientRect().height;
    if (height) setRowHeight(height);
  }, [ref, count]);
  const virtualizer = useWindowVirtualizer({
    count,
    estimateSize: () => rowHeight,
    overscan: 20,
    scrollMargin: margin,
    enabled: count > VIRTUAL_FROM,
  });
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, rowHeight]);
  const items = virtualizer.getVirtualItems();
  const firstItem = items[0];
  const lastItem = items[items.length - 1];
  if (count <= VIRTUAL_FROM || !firstItem || !lastItem) {
    return { first: 0, last: Math.min(count, VIRTUAL_FROM) - 1, before: 0, after: 0 };
  }
  return {
    first: firstItem.index,
    last: lastItem.index,
    before: firstItem.start - margin,
    after: virtualizer.getTotalSize() - (lastItem.end - margin),
  };
}
