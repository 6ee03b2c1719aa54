import { MutationObserver, onlineManager } from '@tanstack/react-query';
import { afterEach, expect, it } from 'vitest';
import { createQueryClient } from './query-client';

afterEach(() => onlineManager.setOnline(true));

const away = () => Promise.reject(new TypeError('Failed to fetch'));

it('says that nothing answers where there is no network, and holds nothing back until there is', async () => {
  onlineManager.setOnline(false);
  const client = createQueryClient();
  await expect(client.fetchQuery({ queryKey: ['x'], queryFn: away, retry: false })).rejects.toThrow('Failed to fetch');
  await expect(new MutationObserver(client, { mutationFn: away }).mutate()).rejects.toThrow('Failed to fetch');
});
