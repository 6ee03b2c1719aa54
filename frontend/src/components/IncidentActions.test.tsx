import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { keys } from '../api/keys';
import type { Incident } from '../api/types';
import { IncidentActions } from './IncidentActions';

const incident = {
  id: 'i1', project_id: 'p1', key: 'INC-7', status: 'detected', version: 3,
  allowed_next: ['acknowledge', 'investigate', 'merge'],
} as Incident;

function show(answer: (request: Request) => Response) {
  const requests: Request[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    requests.push(request);
    return answer(request);
  });
  const client = new QueryClient();
  client.setQueryData(keys.incident('p1', 'i1'), incident);
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <Notifications />
        <IncidentActions incident={incident} onMerge={vi.fn()} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { client, requests };
}

const problem = (status: number, body: object) => () =>
  Response.json({ type: 'about:blank', title: 'Refused', status, ...body }, { status });

afterEach(() => vi.unstubAllGlobals());

it('lets the state machine decide and shows what the server answered', async () => {
  const { client, requests } = show(() => Response.json({ ...incident, status: 'acknowledged', version: 4 }));
  await userEvent.click(screen.getByRole('button', { name: 'Acknowledge' }));
  await waitFor(() => expect(client.getQueryData(keys.incident('p1', 'i1'))).toMatchObject({ version: 4 }));
  // A comment since then changed the version, which is no reason to refuse the step.
  expect(requests[0]?.headers.get('If-Match')).toBeNull();
});

it('shows nothing before the server has accepted', async () => {
  const { client } = show(problem(409, { rule: 'illegal_transition', detail: 'INC-7 is resolved.', allowed_next: ['learn', 'reopen'] }));
  await userEvent.click(screen.getByRole('button', { name: 'Acknowledge' }));
  expect(await screen.findByText(/INC-7 is resolved\. Possible now: learn, reopen\./)).toBeTruthy();
  expect(client.getQueryData(keys.incident('p1', 'i1'))).toMatchObject({ version: 3, status: 'detected' });
});

it('says that somebody was faster and asks for the incident again', async () => {
  const { client } = show(problem(412, { rule: 'stale_version' }));
  await userEvent.click(screen.getByRole('button', { name: 'Acknowledge' }));
  expect(await screen.findByText(/Somebody changed INC-7 meanwhile/)).toBeTruthy();
  expect(client.getQueryState(keys.incident('p1', 'i1'))?.isInvalidated).toBe(true);
});

it('names who took the same step before', async () => {
  const refused = problem(409, { rule: 'illegal_transition', detail: 'an incident that is investigating cannot be investigated' });
  const latest = { ...incident, status: 'investigating', allowed_next: ['mitigate', 'merge'] };
  const entry = { id: 't1', kind: 'investigating', at: new Date().toISOString(), actor: { id: 'u2', name: 'Ada Byron', type: 'user' }, data: {} };
  show(({ method, url }) => {
    if (method !== 'GET') return refused();
    return Response.json(url.includes('/timeline') ? { items: [entry], next_cursor: null } : latest);
  });
  await userEvent.click(screen.getByRole('button', { name: 'More actions' }));
  await userEvent.click(await screen.findByRole('menuitem', { name: 'Start investigating' }));
  expect(await screen.findByText('Somebody was faster')).toBeTruthy();
  expect(screen.getByText(/INC-7: .*Ada Byron.* started investigating just now\. Possible now: Mark mitigated\./)).toBeTruthy();
});
