import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import type { Incident } from '../api/types';
import { useBulkStep } from './useBulkStep';

const incident = (id: string) => ({ id, project_id: 'p1', key: id, version: 1 }) as Incident;

afterEach(() => vi.unstubAllGlobals());

it('takes a step of one row while that of another is under way, and no step twice', async () => {
  const answers: (() => void)[] = [];
  const asked: string[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    const id = new URL(request.url).pathname.split('/').at(-2) ?? '';
    asked.push(id);
    return new Promise<Response>((resolve) => answers.push(() => resolve(Response.json(incident(id)))));
  });
  const client = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
  const done = vi.fn();
  const { result } = renderHook(() => useBulkStep(done), { wrapper });

  act(() => result.current.run([incident('i1')], 'acknowledge'));
  await waitFor(() => expect(asked).toEqual(['i1']));
  act(() => result.current.run([incident('i1')], 'acknowledge'));
  act(() => result.current.run([incident('i2')], 'acknowledge'));
  await waitFor(() => expect(asked).toEqual(['i1', 'i2']));
  for (const answer of answers) answer();
  await waitFor(() => expect(done).toHaveBeenCalledTimes(2));
});
