/**
 * Texts that somebody is writing, kept for as long as the tab lives: going to another page and back, or loading the
 * page anew, loses nothing.
 */
const PREFIX = 'srec-draft:';

const held = new Map<string, string>();
const listeners = new Set<() => void>();

export function draftOf(name: string): string {
  const text = held.get(name) ?? stored(name);
  held.set(name, text);
  return text;
}

export function keepDraft(name: string, text: string): void {
  held.set(name, text);
  store(name, text);
  for (const listener of listeners) listener();
}

/** Takes away what was sent; what was typed since stays. */
export function dropSent(name: string, sent: string): void {
  keepDraft(name, withoutSent(draftOf(name), sent));
}

export function onDraft(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function withoutSent(text: string, sent: string): string {
  // Something was changed within it: which part is new nobody can say.
  return text.startsWith(sent) ? text.slice(sent.length).trimStart() : text;
}

function stored(name: string): string {
  try {
    return sessionStorage.getItem(PREFIX + name) ?? '';
  } catch {
    return '';
  }
}

function store(name: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, text);
  } catch {
    // Without storage, or with a full one, the draft lives until the page is loaded anew.
  }
}
