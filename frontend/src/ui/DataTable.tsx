import { Checkbox } from '@mantine/core';
import {
  rowSelectionFeature,
  tableFeatures,
  useTable,
  type ColumnDef,
  type RowData,
  type RowSelectionState,
} from '@tanstack/react-table';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { ROW_ATTRIBUTE } from '../hooks/useListKeys';
import classes from './DataTable.module.css';

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
            <th key={column.id} scope="col" {...cellProps(column)}>
              {column.header}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <Spacer height={visible.before} />
        {rows.slice(visible.first, visible.last + 1).map((row) => (
          <tr
            key={row.id}
            aria-rowindex={row.index + 2}
            {...{ [ROW_ATTRIBUTE]: row.index }}
            data-selected={row.getIsSelected() || undefined}
            data-dim={props.isDim?.(row.original) || undefined}
          >
            {props.selection && (
              <td className={classes.check}>
                <Checkbox
                  size="xs"
                  aria-label={`Select ${props.rowName?.(row.original) ?? row.id}`}
                  checked={row.getIsSelected()}
                  onChange={row.getToggleSelectedHandler()}
                />
              </td>
            )}
            {props.columns.map((column) => (
              <td key={column.id} {...cellProps(column)}>
                {column.cell(row.original)}
              </td>
            ))}
          </tr>
        ))}
        <Spacer height={visible.after} />
      </tbody>
    </table>
  );
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
  useLayoutEffect(() => setMargin(ref.current?.offsetTop ?? 0), [ref]);
  const virtualizer = useWindowVirtualizer({
    count,
    estimateSize: () => ROW_HEIGHT,
    overscan: 20,
    scrollMargin: margin,
    enabled: count > VIRTUAL_FROM,
  });
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
