import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { reloadWhenThere } from './reload';

const reload = vi.fn();

beforeEach(() => {
  sessionStorage.clear();
  reload.mockClear();
  vi.stubGlobal('location', { reload });
});

afterEach(() => vi.unstubAllGlobals());

it('waits for the server, and loads the page once', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await reloadWhenThere();
  expect(reload).not.toHaveBeenCalled();
  vi.stubGlobal('fetch', async () => new Response('<!doctype html>'));
  await reloadWhenThere();
  await reloadWhenThere();
  expect(reload).toHaveBeenCalledOnce();
});
