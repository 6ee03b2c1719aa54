import { useQueries, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { keys } from '../api/keys';
import { exemplarsQuery, instantQuery, rangeQuery, type Grid } from '../api/prometheus';
import { draftsAfter, hiddenLetters, LETTERS, lettersOf, nextLetter, toggledHidden, type Letter, type QueryTexts } from '../util/metric-queries';
import { resolveWindow, type RangeSearch } from '../util/range';
import { alignWindow, parseSeconds, usableStep } from '../util/steps';
import { useProject } from './useProject';

/** The queries of the metrics page: what was run is in the URL, what is being typed is here. */
export function useQueryTexts() {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const client = useQueryClient();
  const project = useProject();
  const ran = useMemo(
    (): QueryTexts => Object.fromEntries(LETTERS.flatMap((letter) => (search[letter] ? [[letter, search[letter]]] : []))),
    [search],
  );
  const [drafts, setDrafts] = useState<QueryTexts>({});
  const [seen, setSeen] = useState(ran);
  if (seen !== ran) {
    setSeen(ran);
    setDrafts((before) => draftsAfter(before, seen, ran));
  }
  const [added, setAdded] = useState<readonly Letter[]>([]);
  const used = LETTERS.filter((letter) => ran[letter] || added.includes(letter));
  const letters: readonly Letter[] = used.length > 0 ? used : ['a'];
  const hidden = hiddenLetters(search.hidden);
  const set = (change: Record<string, string | undefined>) =>
    void navigate({ to: '.', search: (before) => ({ ...before, ...change }), resetScroll: false });
  const textOf = (letter: Letter) => drafts[letter] ?? ran[letter] ?? '';

  const run = (texts: QueryTexts = {}) => {
    const next = Object.fromEntries(letters.map((letter) => [letter, (texts[letter] ?? textOf(letter)).trim() || undefined]));
    // They stay until the URL has them: an editor that is emptied in between would take that for typing.
    setDrafts({ ...next, ...texts });
    setAdded(letters.filter((letter) => !next[letter]));
    if (letters.every((letter) => next[letter] === ran[letter])) {
      void client.invalidateQueries({ queryKey: keys.metrics(project, 'range').slice(0, 3) });
    }
    set({ ...next, ...texts });
  };

  return {
    letters,
    ran,
    hidden,
    textOf,
    run,
    type: (letter: Letter, text: string) => setDrafts((before) => ({ ...before, [letter]: text })),
    add: () => {
      const letter = nextLetter(letters);
      if (letter) setAdded([...added, letter]);
    },
    mayAdd: nextLetter(letters) !== undefined,
    remove: (letter: Letter) => {
      setDrafts((before) => ({ ...before, [letter]: undefined }));
      setAdded(added.filter((one) => one !== letter));
      set({ [letter]: undefined });
    },
    /** Shows exactly what is given: queries, step and tab. */
    open: (saved: Record<string, string>) => {
      setDrafts(Object.fromEntries(LETTERS.map((letter) => [letter, saved[letter]])));
      setAdded([]);
      set({ ...Object.fromEntries(LETTERS.map((letter) => [letter, undefined])), step: undefined, tab: undefined, hidden: undefined, ...saved });
    },
    toggle: (letter: Letter) => set({ hidden: toggledHidden(search.hidden, letter) }),
    set,
  };
}

/** The answers to the visible queries over a range. */
export function useRangeResults(ran: QueryTexts, hidden: ReadonlySet<string>, range: RangeSearch, step: string | undefined, enabled: boolean) {
  const project = useProject();
  const letters = lettersOf(ran).filter((letter) => !hidden.has(letter));
  const about = { ...range, step };
  const grid = () => gridOf(range, step);
  const answers = useQueries({ queries: letters.map((letter) => ({ ...rangeQuery(project, ran[letter] ?? '', about, grid), enabled })) });
  const exemplars = useQueries({ queries: letters.map((letter) => ({ ...exemplarsQuery(project, ran[letter] ?? '', about, grid), enabled })) });
  return letters.map((letter, index) => ({ letter, answer: answers[index], exemplars: exemplars[index]?.data }));
}

/** The answers to the visible queries at the range's end. */
export function useInstantResults(ran: QueryTexts, hidden: ReadonlySet<string>, range: RangeSearch, enabled: boolean) {
  const project = useProject();
  const letters = lettersOf(ran).filter((letter) => !hidden.has(letter));
  const time = () => resolveWindow(range, Date.now()).to / 1000;
  const answers = useQueries({ queries: letters.map((letter) => ({ ...instantQuery(project, ran[letter] ?? '', range, time), enabled })) });
  return letters.map((letter, index) => ({ letter, answer: answers[index] }));
}

export function gridOf(range: RangeSearch, step: string | undefined): Grid {
  const window = resolveWindow(range, Date.now());
  const seconds = usableStep(parseSeconds(step), window.to - window.from);
  return { ...alignWindow(window, seconds), step: seconds };
}
