import { useForm } from '@mantine/form';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { useProblemForm } from './useProblemForm';

const initialValues = { name: '', scopes: ['read'], credential: { token: '' } };

function refusedWith(...fields: string[]) {
  const errors = fields.map((field) => ({ field, message: `${field} is wrong` }));
  const send = vi.fn().mockRejectedValue(new Problem({ status: 422, detail: 'all of it', errors }));
  const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={new QueryClient()}>{children}</QueryClientProvider>;
  return renderHook(
    () => {
      const form = useForm({ initialValues });
      return { form, ...useProblemForm(form, send, () => undefined) };
    },
    { wrapper },
  );
}

it('tells what is wrong at its field', async () => {
  const { result } = refusedWith('name', 'scopes', 'credential.token');
  act(() => result.current.submit());
  await waitFor(() => expect(result.current.form.errors['credential.token']).toBe('credential.token is wrong'));
  expect(result.current.form.errors['scopes']).toBe('scopes is wrong');
  expect(result.current.problem).toBeNull();
  expect(result.current.pending).toBe(false);
});

it('tells all of it above where one field is not in the form', async () => {
  for (const elsewhere of ['expires_at', 'scopes[0]', 'credential.headers', 'constructor']) {
    const { result, unmount } = refusedWith('name', elsewhere);
    act(() => result.current.submit());
    await waitFor(() => expect(result.current.problem?.detail).toBe('all of it'));
    expect(result.current.form.errors['name']).toBe('name is wrong');
    unmount();
  }
});
