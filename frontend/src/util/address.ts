import { isolated } from './prose';

/** A part of the address that cannot be used. */
export interface Unread {
  values: readonly string[];
  /** What it is not, for one and for several: `no status`, `no statuses`. */
  is: string;
  are: string;
  /** What can stand there, as a sentence. */
  instead: string;
}

/** What can be used of a part of the address, and what cannot. */
export interface Read<T extends string = string> {
  used: T | undefined;
  unread: readonly string[];
}

/** A list between commas. */
export function readList(text: string | undefined, known: readonly string[]): Read {
  const names = [...new Set(text?.split(',').map((name) => name.trim()).filter(Boolean))];
  const used = names.filter((name) => known.includes(name));
  return { used: used.join(',') || undefined, unread: names.filter((name) => !known.includes(name)) };
}

export function readOne<T extends string>(text: string | undefined, known: readonly T[]): Read<T> {
  const used = known.find((one) => one === text);
  return { used, unread: text === undefined || used !== undefined ? [] : [text] };
}

export function readWhere(text: string | undefined, usable: (text: string) => boolean): Read {
  return text === undefined || usable(text) ? { used: text, unread: [] } : { used: undefined, unread: [text] };
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function isId(text: string): boolean {
  return ID.test(text);
}

/** Those of the parts of which something cannot be used. */
export function unreadOf(...parts: Unread[]): Unread[] {
  return parts.filter(({ values }) => values.length > 0);
}

/** An address can be as long as a page; what it begins with says which part is meant. */
const QUOTED = 60;

/** What is wrong with one part, and what can stand there. */
export function unreadText({ values, is, are, instead }: Unread): string {
  const quoted = values.map((value) => `“${isolated(value.length > QUOTED ? `${value.slice(0, QUOTED)}…` : value)}”`).join(', ');
  return `${quoted} ${values.length > 1 ? `are ${are}` : `is ${is}`}. ${instead}`;
}
