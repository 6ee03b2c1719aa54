/** The values of a form as they were kept; what is not of the kind that the form has is as it was. */
export function keptValues<T extends object>(initial: T, text: string): T {
  const kept = parsed(text);
  const values = Object.entries(initial).map(([name, value]: [string, unknown]) => [
    name,
    Object.hasOwn(kept, name) && isAlike(kept[name], value) ? kept[name] : value,
  ]);
  return Object.fromEntries(values) as T;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(text);
    return typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isAlike(one: unknown, other: unknown): boolean {
  return typeof one === typeof other && Array.isArray(one) === Array.isArray(other) && one !== null;
}
