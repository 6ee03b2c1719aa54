/** What the URLs of this console hold, as text: a link that a person edits or shortens must not break a page. */
export interface PageSearch {
  range?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** How often the page asks again by itself: `30s`. */
  refresh?: string | undefined;
  status?: string | undefined;
  severity?: string | undefined;
  q?: string | undefined;
  assignee?: string | undefined;
  /** Incidents: `resolved` where the range is of when they were resolved; by itself it is of when they were opened. */
  when?: string | undefined;
  alert?: string | undefined;
  /** Metrics: one parameter per query, named by its letter. */
  a?: string | undefined;
  b?: string | undefined;
  c?: string | undefined;
  d?: string | undefined;
  e?: string | undefined;
  f?: string | undefined;
  /** Metrics: letters of hidden queries, `B,C`. */
  hidden?: string | undefined;
  step?: string | undefined;
  tab?: string | undefined;
  service?: string | undefined;
  level?: string | undefined;
  /** Logs: `1` while lines are followed. */
  live?: string | undefined;
  /** Logs: the id of the line that a link leads to. */
  line?: string | undefined;
  /** Logs: `oldest` while the oldest lines come first. Incidents: the same, or `worst`. Services: by which number, `p95`. */
  order?: string | undefined;
  operation?: string | undefined;
  /** Traces: shortest and longest duration, as written: `250ms`, `1.5s`. */
  min?: string | undefined;
  max?: string | undefined;
  errors?: string | undefined;
  span?: string | undefined;
  /** Audit: change, read or denied. */
  kind?: string | undefined;
  result?: string | undefined;
  actor?: string | undefined;
  /** Login: the page to come back to, and what became of a sign-on. */
  next?: string | undefined;
  sign_on?: string | undefined;
  /** Login: `1` where the session ended while somebody was at work. */
  ended?: string | undefined;
  /** Audit: `<type>:<id>` of the thing whose history is shown. */
  target?: string | undefined;
}

type Name = keyof PageSearch;

/** Keeps the named parameters and drops everything else. */
export function only<N extends Name>(...names: N[]) {
  return (search: Record<string, unknown>): Pick<PageSearch, N> =>
    Object.fromEntries(
      names.flatMap((name) => (isText(search[name]) ? [[name, String(search[name])]] : [])),
    ) as Pick<PageSearch, N>;
}

export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (isText(value)) query.set(name, String(value));
  }
  // Commas and colons are legal in a query and readable in a shared link.
  const text = query.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return text ? `?${text}` : '';
}

function isText(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
