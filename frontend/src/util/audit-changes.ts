export interface AuditChange {
  field: string;
  /** None = it was not there. */
  before: string | null;
  after: string | null;
}

/** The fields that an operation changed, in the order in which it tells them. */
export function auditChanges(before: object | null | undefined, after: object | null | undefined): AuditChange[] {
  const [from, to] = [Object.entries(before ?? {}), Object.entries(after ?? {})];
  const fields = new Set([...from, ...to].map(([field]) => field));
  const [was, is] = [new Map<string, unknown>(from), new Map<string, unknown>(to)];
  return [...fields].map((field) => ({ field, before: shown(was.get(field)), after: shown(is.get(field)) }));
}

function shown(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
