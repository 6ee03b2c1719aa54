import { useNavigate } from '@tanstack/react-router';
import { useCallback } from 'react';

/** Sets the shared time range to a window in milliseconds, as dragging on a chart does; Back undoes it. */
export function useZoom(): (from: number, to: number) => void {
  const navigate = useNavigate();
  return useCallback(
    (from: number, to: number) => {
      const window = { from: new Date(from).toISOString(), to: new Date(Math.max(to, from + 1000)).toISOString() };
      void navigate({ to: '.', search: (before) => ({ ...before, range: undefined, ...window }) });
    },
    [navigate],
  );
}
