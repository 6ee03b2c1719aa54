import type { UseFormReturnType } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { asProblem, type Problem } from '../api/problem';

/** A form's submission: field messages of the server go to their fields, the rest is `problem`. */
export function useProblemForm<V extends object, R>(
  form: UseFormReturnType<V>,
  send: (values: V) => Promise<R>,
  done: (result: R, values: V) => void | Promise<void>,
): { submit: (event?: FormEvent<HTMLFormElement>) => void; pending: boolean; problem: Problem | null } {
  const mutation = useMutation({
    mutationFn: send,
    onSuccess: done,
    onError: (cause) => form.setErrors(asProblem(cause).fields),
  });
  const problem = mutation.error ? asProblem(mutation.error) : null;
  // `credential.token` is a field of `credential`.
  const known = (field: string) => (field.split('.')[0] ?? field) in form.getValues();
  const placed = problem !== null && Object.keys(problem.fields).some(known);
  return {
    submit: form.onSubmit((values) => mutation.mutate(values)),
    pending: mutation.isPending,
    problem: placed ? null : problem,
  };
}
