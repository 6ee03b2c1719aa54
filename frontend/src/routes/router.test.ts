import { QueryClient } from '@tanstack/react-query';
import { expect, it, vi } from 'vitest';
import { keys } from '../api/keys';
import { leaveForLogin, type createConsoleRouter } from './router';

function at(href: string, known: boolean) {
  const client = new QueryClient();
  if (known) client.setQueryData(keys.me, { user: { name: 'Mira' } });
  const navigate = vi.fn();
  const latestLocation = { href, pathname: new URL(href, 'http://c').pathname };
  leaveForLogin({ latestLocation, navigate } as unknown as ReturnType<typeof createConsoleRouter>, client);
  return { navigate, client };
}

it('leads back to the page that was open, says that the session ended, and keeps nothing', () => {
  const { navigate, client } = at('/p/p1/logs?q=x', true);
  expect(navigate).toHaveBeenCalledExactlyOnceWith({ to: '/login', search: { next: '/p/p1/logs?q=x', ended: '1' } });
  expect(client.getQueryData(keys.me)).toBeUndefined();
});

it('says nothing of an end to whoever was not signed in', () => {
  expect(at('/p/p1', false).navigate).toHaveBeenCalledExactlyOnceWith({ to: '/login', search: { next: '/p/p1', ended: undefined } });
});

it('leaves an invitation to say itself that its account logs in first', () => {
  expect(at('/join#srei_1', false).navigate).not.toHaveBeenCalled();
});

it('stays where it is on the login page: `next` would nest', () => {
  expect(at('/login?next=%2Fp%2Fp1', true).navigate).not.toHaveBeenCalled();
});
