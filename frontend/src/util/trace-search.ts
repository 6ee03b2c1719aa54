import type { TraceFilter } from '../api/traces';
import { readOne, readWhere, unreadOf, type Unread } from './address';
import { parseSeconds } from './steps';

/** What the traces page has in its URL. */
export interface TraceSearch {
  service?: string | undefined;
  operation?: string | undefined;
  q?: string | undefined;
  min?: string | undefined;
  max?: string | undefined;
  errors?: string | undefined;
}

const ATTRIBUTE = /([A-Za-z_][\w.:/-]*)=(?:"((?:[^"\\]|\\.)*)"|(\S+))/g;

/** `http.route=/cart error.type="Pool Timeout"` as `name=value` each. */
export function attributes(text: string | undefined): string[] {
  return [...(text ?? '').matchAll(ATTRIBUTE)].map(([, name, quoted, bare]) => `${name}=${quoted?.replace(/\\(.)/g, '$1') ?? bare ?? ''}`);
}

/** What of the text is not an attribute filter: shown as a mistake. */
export function notAttributes(text: string): string {
  return text.replace(ATTRIBUTE, '').trim();
}

/** What of the URL is not asked for, because it cannot be read. */
export function unreadTraces({ q, min, max, errors }: TraceSearch): Unread[] {
  const rest = notAttributes(q ?? '');
  const duration = (text: string) => milliseconds(text) !== undefined;
  return unreadOf(
    { values: rest ? [rest] : [], is: 'no condition on attributes', are: 'no conditions on attributes', instead: 'Write name=value.' },
    {
      values: [min, max].flatMap((text) => readWhere(text, duration).unread),
      is: 'no duration',
      are: 'no durations',
      instead: 'Write one as in 250ms or 1.5s.',
    },
    { values: readOne(errors, ['1'] as const).unread, is: 'no answer to “with errors”', are: 'no answers', instead: 'There is 1.' },
  );
}

const TRACE_ID = /^(?:00-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?$/i;

/** The id of a trace where that is all that was written: by itself, or in a `traceparent`. */
export function traceIdOf(text: string): string | undefined {
  return TRACE_ID.exec(text.trim())?.[1]?.toLowerCase();
}

export function traceFilter(search: TraceSearch): TraceFilter {
  return {
    service: search.service,
    operation: search.operation,
    attr: attributes(search.q),
    min_duration_ms: milliseconds(search.min),
    max_duration_ms: milliseconds(search.max),
    ...(search.errors === '1' && { error: true }),
  };
}

function milliseconds(text: string | undefined): number | undefined {
  // A bare number is milliseconds here: nobody looks for traces of 250 s by "250".
  const seconds = parseSeconds(/^\s*[\d.]+\s*$/.test(text ?? '') ? `${text}ms` : text);
  return seconds === undefined ? undefined : seconds * 1000;
}
