interface Searched {
  span_id: string;
  service: string;
  name: string;
  fields: Readonly<Record<string, string>>;
}

/** The ids of the spans with all of the words in their service, their name, their id or a field; of none where there is no word. */
export function foundSpans(spans: readonly Searched[], text: string): ReadonlySet<string> {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return new Set();
  return new Set(spans.filter((span) => words.every((word) => textOf(span).includes(word))).map(({ span_id }) => span_id));
}

function textOf({ span_id, service, name, fields }: Searched): string {
  const pairs = Object.entries(fields).map(([field, value]) => `${field}=${value}`);
  return [service, name, span_id, ...pairs].join('\n').toLowerCase();
}
