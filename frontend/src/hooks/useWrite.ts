import { useMutation, type UseMutationOptions, type UseMutationResult } from '@tanstack/react-query';
import { useRef } from 'react';

/**
 * A mutation that is not begun again while it is under way. `isPending` is of the last render: two presses within a
 * frame would both find it false.
 */
export function useWrite<R, A = void>(options: UseMutationOptions<R, Error, A>): UseMutationResult<R, Error, A> {
  const busy = useRef(false);
  const mutation = useMutation({
    ...options,
    onSettled: (...settled) => {
      busy.current = false;
      return options.onSettled?.(...settled);
    },
  });
  const mutate: typeof mutation.mutate = (...asked) => {
    if (busy.current) return;
    busy.current = true;
    mutation.mutate(...asked);
  };
  return { ...mutation, mutate };
}
