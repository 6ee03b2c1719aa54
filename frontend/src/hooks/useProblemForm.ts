import type { UseFormReturnType } from '@mantine/form';
import type { FormEvent } from 'react';
import { asProblem, Recorded, type Problem } from '../api/problem';
import { useWrite } from './useWrite';

/**
 * A form's submission: field messages of the server go to their fields, the rest is `problem`. `recorded` is for a write
 * whose result cannot be shown yet: it is made, and the form must not stay as if it were not.
 */
export function useProblemForm<V extends object, R>(
  form: UseFormReturnType<V>,
  send: (values: V) => Promise<R>,
  done: (result: R, values: V) => void | Promise<void>,
  recorded: () => void = form.reset,
): { submit: (event?: FormEvent<HTMLFormElement>) => void; pending: boolean; problem: Problem | null } {
  const mutation = useWrite({
    mutationFn: send,
    onSuccess: done,
    onError: (cause) => (cause instanceof Recorded ? recorded() : form.setErrors(asProblem(cause).fields)),
  });
  const failed = mutation.error !== null && !(mutation.error instanceof Recorded);
  const problem = failed ? asProblem(mutation.error) : null;
  // `credential.token` is a field of `credential`.
  const known = (field: string) => (field.split('.')[0] ?? field) in form.getValues();
  const placed = problem !== null && Object.keys(problem.fields).some(known);
  return {
    submit: form.onSubmit((values) => mutation.mutate(values)),
    pending: mutation.isPending,
    problem: placed ? null : problem,
  };
}
