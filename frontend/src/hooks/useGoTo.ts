import { useHotkeys } from '@mantine/hooks';
import { useNavigate, type LinkProps } from '@tanstack/react-router';
import { useRef } from 'react';

const WITHIN_MS = 1_200;

const PLACES: Record<string, LinkProps['to']> = {
  o: '/p/$project',
  i: '/p/$project/incidents',
  a: '/p/$project/alerts',
  s: '/p/$project/settings',
};

/** `g` and then a letter jumps; `c` declares an incident. */
export function useGoTo(project: string): void {
  const navigate = useNavigate();
  const pressed = useRef(0);
  const go = (letter: string) => (event: KeyboardEvent) => {
    if (Date.now() - pressed.current > WITHIN_MS) return;
    pressed.current = 0;
    // The same letter may mean something to the page (a: acknowledge); after g it means the place.
    event.stopImmediatePropagation();
    void navigate({ to: PLACES[letter], params: { project } } as never);
  };
  useHotkeys([
    ['g', () => { pressed.current = Date.now(); }],
    ...Object.keys(PLACES).map((letter): [string, (event: KeyboardEvent) => void, { preventDefault: boolean }] => [
      letter,
      go(letter),
      { preventDefault: false },
    ]),
    ['c', () => void navigate({ to: '/p/$project/incidents/new', params: { project } })],
  ]);
}
