/** A stretch of what somebody wrote. */
export interface Stretch {
  kind: 'text' | 'code' | 'block';
  text: string;
}

/** Code as people mark it: between three backticks on lines of their own (an end may be missing), or between two in a line. */
const CODE = /^```[^\n]*\n([\s\S]*?)(?:\n```[ \t]*$\n?|$(?![\s\S]))|`([^`\n]+)`/gm;

/** The text in pieces: what is code is shown as such, and the rest as it was written. */
export function stretches(text: string): Stretch[] {
  const found: Stretch[] = [];
  const add = (kind: Stretch['kind'], piece: string) => {
    if (piece !== '') found.push({ kind, text: piece });
  };
  let end = 0;
  for (const match of text.matchAll(CODE)) {
    add('text', text.slice(end, match.index));
    const [whole, block, inline] = match;
    add(block === undefined ? 'code' : 'block', block ?? inline ?? '');
    end = match.index + whole.length;
  }
  add('text', text.slice(end));
  return found;
}

/** What is shown of a text before somebody asks for all of it. */
const LINES_SHOWN = 8;
const CHARACTERS_SHOWN = 700;

/** The beginning of a long text, or null where all of it is short. */
export function beginning(text: string): string | null {
  const lines = text.split('\n', LINES_SHOWN + 1);
  const short = lines.length > LINES_SHOWN ? lines.slice(0, LINES_SHOWN).join('\n') : text;
  // A button for the last few characters would be longer than they are.
  const cut = short.length > CHARACTERS_SHOWN * 1.2 ? short.slice(0, CHARACTERS_SHOWN) : short;
  return cut === text ? null : cut;
}

/** Somebody's words within ours: marks in them that turn the direction of writing end with them. */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}
