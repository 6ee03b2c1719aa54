import { useEffect, useState } from 'react';
import { useLatest } from './useLatest';

/** The value as it was a moment ago, renewed every so often: what is read aloud must not change faster than it can be heard. */
export function useCalm<T>(value: T, everyMs: number): T {
  const latest = useLatest(value);
  const [calm, setCalm] = useState(value);
  useEffect(() => {
    const timer = setInterval(() => setCalm(latest.current), everyMs);
    return () => clearInterval(timer);
  }, [latest, everyMs]);
  return calm;
}
