import { useEffect } from 'react';
import { useLatest } from './useLatest';

const RETRY_MS = 5_000;

/** While `active`: acts every five seconds, and at once when the network is back. */
export function useRetry(active: boolean, act: () => Promise<unknown>): void {
  const latest = useLatest(act);
  useEffect(() => {
    if (!active) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let left = false;
    const again = async () => {
      clearTimeout(timer);
      await latest.current().catch(() => undefined);
      if (!left) timer = setTimeout(() => void again(), RETRY_MS);
    };
    const online = () => void again();
    timer = setTimeout(online, RETRY_MS);
    window.addEventListener('online', online);
    return () => {
      left = true;
      clearTimeout(timer);
      window.removeEventListener('online', online);
    };
  }, [active, latest]);
}
