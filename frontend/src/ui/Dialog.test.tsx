import { MantineProvider, TextInput } from '@mantine/core';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState, type ReactNode } from 'react';
import { expect, it, vi } from 'vitest';
import { theme } from '../theme';
import { Dialog } from './Dialog';

const under = (children: ReactNode) => (
  <MantineProvider env="test" theme={theme}>
    {children}
  </MantineProvider>
);

function form(holds: 'form' | 'secret' | undefined) {
  const onClose = vi.fn();
  render(
    under(
      <Dialog opened onClose={onClose} title="A form" holds={holds}>
        <TextInput label="Name" data-autofocus />
      </Dialog>,
    ),
  );
  return onClose;
}

it('closes by Escape as long as nothing was typed', async () => {
  const onClose = form('form');
  await userEvent.click(screen.getByLabelText('Name'));
  await userEvent.keyboard('{Escape}');
  expect(onClose).toHaveBeenCalledOnce();
});

it('asks before what was typed is lost, and goes on where it was', async () => {
  const onClose = form('form');
  await userEvent.type(screen.getByLabelText('Name'), 'shop');
  await userEvent.keyboard('{Escape}');
  expect(onClose).not.toHaveBeenCalled();
  expect(screen.getByRole('alert').textContent).toContain('What you wrote is not saved');
  await userEvent.click(screen.getByRole('button', { name: 'Go on writing' }));
  expect(screen.queryByRole('alert')).toBeNull();
  expect(document.activeElement).toBe(screen.getByLabelText('Name'));
  expect(screen.getByLabelText<HTMLInputElement>('Name').value).toBe('shop');

  await userEvent.click(screen.getByRole('button', { name: 'Close' }));
  expect(onClose).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole('button', { name: 'Throw it away' }));
  expect(onClose).toHaveBeenCalledOnce();
});

it('lets go of a secret by its own button alone', async () => {
  const onClose = form('secret');
  await userEvent.keyboard('{Escape}');
  expect(onClose).not.toHaveBeenCalled();
  expect(screen.queryByRole('button', { name: 'Close' })).toBeNull();
});

function Nested() {
  const [outer, setOuter] = useState(true);
  const [inner, setInner] = useState(false);
  return (
    <>
      <Dialog opened={outer} onClose={() => setOuter(false)} title="Outer">
        <button onClick={() => setInner(true)}>Go on</button>
      </Dialog>
      {inner && (
        <Dialog opened onClose={() => setInner(false)} title="Inner">
          <TextInput label="Password" />
        </Dialog>
      )}
    </>
  );
}

it('closes the uppermost alone', async () => {
  render(under(<Nested />));
  await userEvent.click(screen.getByRole('button', { name: 'Go on' }));
  await screen.findByText('Inner');
  await userEvent.keyboard('{Escape}');
  await waitFor(() => expect(screen.queryByText('Inner')).toBeNull());
  expect(screen.queryByText('Outer')).not.toBeNull();
  await userEvent.keyboard('{Escape}');
  await waitFor(() => expect(screen.queryByText('Outer')).toBeNull());
});

function Row() {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <button onClick={() => setOpened(true)}>Rotate</button>
      {opened && (
        <Dialog opened onClose={() => setOpened(false)} title="Rotate it">
          <TextInput label="Name" data-autofocus />
        </Dialog>
      )}
    </>
  );
}

it('gives the focus back where it is opened by its first render', async () => {
  render(under(<Row />));
  await userEvent.click(screen.getByRole('button', { name: 'Rotate' }));
  await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText('Name')));
  await userEvent.keyboard('{Escape}');
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Rotate' })));
});
