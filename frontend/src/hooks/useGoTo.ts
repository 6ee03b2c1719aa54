import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { isCovered, useSingleKeys } from './useShortcuts';

const WITHIN_MS = 1_200;

const PLACES = {
  o: '/p/$project',
  i: '/p/$project/incidents',
  a: '/p/$project/alerts',
  m: '/p/$project/metrics',
  l: '/p/$project/logs',
  t: '/p/$project/traces',
  v: '/p/$project/services',
  s: '/p/$project/settings',
} as const;

/**
 * `g` and then a letter jumps. Listens in the capture phase: after `g` a letter means the place, and must not reach the
 * page, where `a` alone acknowledges.
 */
export function useGoTo(project: string): void {
  const navigate = useNavigate();
  const { on } = useSingleKeys();
  useEffect(() => {
    if (!on) return;
    let pressedAt = -Infinity;
    const listen = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || isCovered()) return;
      const waiting = event.timeStamp - pressedAt < WITHIN_MS;
      pressedAt = event.key === 'g' ? event.timeStamp : -Infinity;
      if (!waiting || !isPlace(event.key)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      void navigate({ to: PLACES[event.key], params: { project } });
    };
    window.addEventListener('keydown', listen, { capture: true });
    return () => window.removeEventListener('keydown', listen, { capture: true });
  }, [navigate, project, on]);
}

function isPlace(key: string): key is keyof typeof PLACES {
  return key in PLACES;
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return target?.closest?.('input, textarea, select, [contenteditable="true"]') != null;
}
