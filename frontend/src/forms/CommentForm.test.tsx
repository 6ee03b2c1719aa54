import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { keys } from '../api/keys';
import type { Incident } from '../api/types';
import { keepDraft } from '../util/drafts';
import { CommentForm } from './CommentForm';

const incident = (id: string) => ({ id, project_id: 'p1' }) as Incident;

function open(id = 'i1') {
  const client = new QueryClient();
  client.setQueryData(keys.me, { user: { id: 'u1' } });
  return render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <CommentForm incident={incident(id)} key={id} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}

/** Answers the comments when it is told to. */
function server() {
  const bodies: string[] = [];
  const answers: (() => void)[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.method === 'GET') return Response.json({ user: { id: 'u1' } });
    bodies.push(((await request.json()) as { body: string }).body);
    return new Promise<Response>((resolve) => answers.push(() => resolve(Response.json({}, { status: 201 }))));
  });
  return { bodies, answer: () => answers.shift()?.() };
}

const composer = () => screen.getByLabelText<HTMLTextAreaElement>('Comment');

beforeEach(() => {
  keepDraft('comment:u1:i1', '');
  keepDraft('comment:u1:i2', '');
});
afterEach(() => vi.unstubAllGlobals());

it('sends once, however fast it is pressed', async () => {
  const { bodies, answer } = server();
  open();
  await userEvent.type(composer(), 'once');
  // Within one frame: nothing is drawn between the two.
  fireEvent.keyDown(composer(), { key: 'Enter', ctrlKey: true });
  fireEvent.keyDown(composer(), { key: 'Enter', ctrlKey: true });
  fireEvent.submit(composer());
  await waitFor(() => expect(bodies).toEqual(['once']));
  answer();
  await waitFor(() => expect(composer().value).toBe(''));
  await userEvent.type(composer(), 'again');
  fireEvent.submit(composer());
  await waitFor(() => expect(bodies).toEqual(['once', 'again']));
});

it('leaves what was typed while the comment was under way', async () => {
  const { bodies, answer } = server();
  open();
  await userEvent.type(composer(), 'first.');
  fireEvent.submit(composer());
  await userEvent.type(composer(), ' And second');
  await waitFor(() => expect(bodies).toEqual(['first.']));
  answer();
  await waitFor(() => expect(composer().value).toBe('And second'));
});

it('has the draft of each incident when somebody comes back', async () => {
  server();
  const first = open('i1');
  await userEvent.type(composer(), 'half a sen');
  first.unmount();
  const other = open('i2');
  expect(composer().value).toBe('');
  other.unmount();
  open('i1');
  expect(composer().value).toBe('half a sen');
});

it('clears the draft also where the page was left before the answer', async () => {
  const { bodies, answer } = server();
  const page = open();
  await userEvent.type(composer(), 'sent and left');
  fireEvent.submit(composer());
  await waitFor(() => expect(bodies).toHaveLength(1));
  page.unmount();
  answer();
  open();
  await waitFor(() => expect(composer().value).toBe(''));
});
