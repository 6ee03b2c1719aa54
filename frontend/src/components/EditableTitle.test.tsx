import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import type { Incident } from '../api/types';
import { EditableTitle } from './EditableTitle';

const incident = (title: string, version: number) => ({ id: 'i1', project_id: 'p1', key: 'INC-7', title, version }) as Incident;

type Put = (request: Request) => Response | Promise<Response>;

/** The incident as the server has it, and its answers to renames from the first on. */
function show(latest: Incident, ...puts: Put[]) {
  const sent: { title: string; version: string | null }[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.method === 'GET') return Response.json(latest);
    const { title } = (await request.clone().json()) as { title: string };
    sent.push({ title, version: request.headers.get('If-Match') });
    return (puts.shift() ?? (() => Response.json({ ...latest, title })))(request);
  });
  const client = new QueryClient();
  const page = (shown: Incident) => (
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <Notifications />
        <EditableTitle incident={shown} disabled={false} />
      </QueryClientProvider>
    </MantineProvider>
  );
  const { rerender } = render(page(incident('old', 3)));
  return { sent, update: (shown: Incident) => rerender(page(shown)) };
}

const stale: Put = () => Response.json({ status: 412, title: 'Changed meanwhile', rule: 'stale_version' }, { status: 412 });

async function write(title: string) {
  await userEvent.click(screen.getByRole('button', { name: 'Rename' }));
  await userEvent.clear(screen.getByLabelText('Title'));
  await userEvent.type(screen.getByLabelText('Title'), title);
}

afterEach(() => vi.unstubAllGlobals());

it('stays open with what was written until the server has it', async () => {
  const { sent } = show(incident('old', 3), () => Promise.reject(new TypeError('Failed to fetch')));
  await write('mine{Enter}');
  expect(await screen.findByText(/not done twice/)).toBeTruthy();
  expect(screen.getByLabelText<HTMLInputElement>('Title').value).toBe('mine');
  await userEvent.type(screen.getByLabelText('Title'), '{Enter}');
  await waitFor(() => expect(screen.queryByLabelText('Title')).toBeNull());
  expect(sent.map(({ title }) => title)).toEqual(['mine', 'mine']);
});

it('refers to the incident as it was when editing began, and shows both titles of a conflict', async () => {
  const { sent, update } = show(incident('theirs', 4), stale);
  await write('mine');
  // Somebody's rename arrives by the live connection.
  update(incident('theirs', 4));
  await userEvent.type(screen.getByLabelText('Title'), '{Enter}');
  expect(await screen.findByText('Somebody renamed it while you were writing')).toBeTruthy();
  expect(screen.getByText(/It is .*theirs.* now/)).toBeTruthy();
  expect(screen.getByLabelText<HTMLInputElement>('Title').value).toBe('mine');
  expect(sent).toEqual([{ title: 'mine', version: '"3"' }]);
  await userEvent.click(screen.getByRole('button', { name: 'Save mine' }));
  await waitFor(() => expect(screen.queryByLabelText('Title')).toBeNull());
  expect(sent[1]).toEqual({ title: 'mine', version: '"4"' });
});

it('keeps theirs where that is wanted', async () => {
  const { sent } = show(incident('theirs', 4), stale);
  await write('mine{Enter}');
  await userEvent.click(await screen.findByRole('button', { name: 'Keep theirs' }));
  expect(screen.queryByLabelText('Title')).toBeNull();
  expect(sent).toHaveLength(1);
});

it('does not take a comment of somebody else for a conflict', async () => {
  const { sent } = show(incident('old', 5), stale);
  await write('mine{Enter}');
  await waitFor(() => expect(screen.queryByLabelText('Title')).toBeNull());
  expect(sent.map(({ version }) => version)).toEqual(['"3"', '"5"']);
});
