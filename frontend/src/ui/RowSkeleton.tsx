import { Skeleton } from '@mantine/core';

/** Rows of the height that the real ones will have, so that nothing moves when they come. */
export function RowSkeleton({ rows, height = 40 }: { rows: number; height?: number }) {
  return (
    <div aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <div
          key={row}
          style={{ height, padding: '0 16px', display: 'flex', alignItems: 'center', gap: 16, borderBottom: '1px solid var(--line)' }}
        >
          <Skeleton height={10} width={40} />
          <Skeleton height={10} width={`${30 + ((row * 17) % 35)}%`} />
        </div>
      ))}
    </div>
  );
}
