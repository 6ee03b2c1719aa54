import type { TraceFilter } from '../api/traces';
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
