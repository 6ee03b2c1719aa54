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
  const fields = Object.keys(problem?.fields ?? {});
  // Where one has no place, the problem tells them all.
  const placed = fields.length > 0 && fields.every((field) => isShown(form.getValues(), field));
  return {
    submit: form.onSubmit((values) => mutation.mutate(values)),
    pending: mutation.isPending,
    problem: placed ? null : problem,
  };
}

/** Whether the form has the field: `credential.token` is a field of `credential`, `scopes[0]` is none. */
function isShown(values: object, field: string): boolean {
  let at: unknown = values;
  for (const name of field.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return false;
    at = (at as Record<string, unknown>)[name];
  }
  return typeof at !== 'object' || at === null || Array.isArray(at);
}
