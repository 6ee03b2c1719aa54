import { expect, it } from 'vitest';
import { foundSpans } from './trace-find';

const span = (span_id: string, service: string, name: string, fields: Record<string, string> = {}) => ({ span_id, service, name, fields });
const SPANS = [span('a1', 'checkout', 'POST /pay'), span('b2', 'payments', 'SELECT', { 'db.system': 'Postgres', 'http.status': '502' }), span('c3', 'payments', 'GET /')];
const found = (text: string) => [...foundSpans(SPANS, text)];

it('finds by service, name, id and field, in any case, with all of the words', () => {
  expect(found('PAYMENTS')).toEqual(['b2', 'c3']);
  expect(found('payments postgres')).toEqual(['b2']);
  expect(found('http.status=502')).toEqual(['b2']);
  expect(found('c3')).toEqual(['c3']);
});

it('finds nothing where nothing was asked', () => {
  expect(found('  ')).toEqual([]);
});
