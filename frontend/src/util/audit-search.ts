import { isId, readOne, readWhere, unreadOf, type Unread } from './address';

/** What the audit has in its URL. */
export interface AuditSearch {
  q?: string | undefined;
  kind?: string | undefined;
  result?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
}

const KINDS = ['change', 'read', 'denied'] as const;
const RESULTS = ['accepted', 'refused'] as const;
const MOST_TEXT = 200;

/** What of it can be asked for, and what cannot. */
export function readAudit(given: AuditSearch): { search: AuditSearch; unread: Unread[] } {
  const kind = readOne(unlessAll(given.kind), KINDS);
  const result = readOne(unlessAll(given.result), RESULTS);
  const actor = readWhere(given.actor, isActor);
  const target = readWhere(given.target, (text) => /^[^:]+:./.test(text));
  const q = readWhere(given.q, (text) => [...text].length <= MOST_TEXT);
  return {
    search: { q: q.used, kind: kind.used, result: result.used, actor: actor.used, target: target.used },
    unread: unreadOf(
      { values: kind.unread, is: 'no kind of entries', are: 'no kinds of entries', instead: `There are ${KINDS.join(', ')}.` },
      { values: result.unread, is: 'no result', are: 'no results', instead: `There are ${RESULTS.join(' and ')}.` },
      { values: actor.unread, is: 'nobody who acts', are: 'nobody who acts', instead: 'There are user:<id>, api_key:<id> and system:<worker>.' },
      { values: target.unread, is: 'nothing that has a history', are: 'nothing that has a history', instead: 'Things are named as in incident:<id>.' },
      { values: q.unread, is: 'too long a text', are: 'too long texts', instead: `Up to ${MOST_TEXT} characters are searched for.` },
    ),
  };
}

function unlessAll(text: string | undefined): string | undefined {
  return text === 'all' ? undefined : text;
}

function isActor(text: string): boolean {
  const at = text.indexOf(':');
  const [type, id] = [text.slice(0, at), text.slice(at + 1)];
  return type === 'system' || (['user', 'api_key'].includes(type) && isId(id));
}
