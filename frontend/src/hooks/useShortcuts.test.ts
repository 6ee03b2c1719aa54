import { renderHook } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { useShortcuts } from './useShortcuts';

afterEach(() => {
  document.body.innerHTML = '';
});

it('leaves the page alone while a dialog lies over it', async () => {
  const act = vi.fn();
  renderHook(() => useShortcuts([['a', act]]));
  const dialog = document.createElement('section');
  dialog.setAttribute('aria-modal', 'true');
  document.body.append(dialog);
  await userEvent.keyboard('a');
  expect(act).not.toHaveBeenCalled();
  dialog.remove();
  await userEvent.keyboard('a');
  expect(act).toHaveBeenCalledOnce();
});
