import { http, HttpResponse } from 'msw';
import type { AuditEntry, AuditStats } from '../src/api/types';
import { page, refusedSession } from './answers';
import { state } from './store';

let retentionDays = 400;

export const auditRoutes = [
  http.get('/api/v1/audit', ({ request }) => refusedSession(request) ?? HttpResponse.json(page(request, found(request)))),
  http.get('/api/v1/audit/stats', ({ request }) => refusedSession(request) ?? HttpResponse.json(statsOf(found(request)))),
  http.get('/api/v1/audit/retention', ({ request }) => refusedSession(request) ?? HttpResponse.json({ days: retentionDays })),
  http.put('/api/v1/audit/retention', async ({ request }) => {
    retentionDays = ((await request.json()) as { days: number }).days;
    return HttpResponse.json({ days: retentionDays });
  }),
];

function found(request: Request): AuditEntry[] {
  const query = new URL(request.url).searchParams;
  const is = (name: string, value: string) => !query.has(name) || query.get(name) === value;
  return state().audit.filter(
    (entry) =>
      is('kind', entry.kind) &&
      is('result', entry.result) &&
      is('actor', `${entry.actor.type}:${entry.actor.id}`) &&
      is('target_type', entry.target.type) &&
      is('target_id', entry.target.id) &&
      JSON.stringify(entry).toLowerCase().includes((query.get('q') ?? '').toLowerCase()),
  );
}

function statsOf(entries: AuditEntry[]): AuditStats {
  const of = (kind: string) => entries.filter((entry) => entry.kind === kind).length;
  return {
    total: entries.length, changes: of('change'), reads: of('read'), denied: of('denied'),
    days: [],
    actions: counted(entries, (entry) => entry.action),
    actors: counted(entries, (entry) => entry.actor.name),
  };
}

function counted(entries: AuditEntry[], by: (entry: AuditEntry) => string): AuditStats['actions'] {
  const names = [...new Set(entries.map(by))];
  const counts = names.map((name) => {
    const own = entries.filter((entry) => by(entry) === name);
    const refused = own.filter((entry) => entry.result === 'refused').length;
    return { name, accepted: own.length - refused, refused };
  });
  return counts.sort((a, b) => b.accepted + b.refused - a.accepted - a.refused);
}
