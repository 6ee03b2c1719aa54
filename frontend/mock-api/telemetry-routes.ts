import { http, HttpResponse } from 'msw';
import type { RetentionRule, TelemetryDeletion } from '../src/api/telemetry';
import { problem, refusedSession } from './answers';
import { nextId, save, state } from './store';

const DAYS = [1, 3, 7, 15, 30, 90, 400];
const WHOLE: readonly RetentionRule[] = [
  { signal: 'metrics', stream: '', days: 30, default: true },
  { signal: 'metrics_5m', stream: '', days: 90, default: true },
  { signal: 'metrics_1h', stream: '', days: 400, default: true },
  { signal: 'logs', stream: '', days: 30, default: true },
  { signal: 'traces', stream: '', days: 30, default: true },
];

export const telemetryRoutes = [
  http.get('/api/v1/telemetry/retention', ({ request }) => refusedSession(request) ?? HttpResponse.json(rules())),
  http.put('/api/v1/telemetry/retention', async ({ request }) => {
    const body = (await request.json()) as { signal: string; stream: string; days: number | null };
    if (/\*./.test(body.stream)) return badStream(body.stream);
    const others = state().retention.filter(({ signal, stream }) => signal !== body.signal || stream !== body.stream);
    const { signal, stream, days } = body;
    state().retention = days === null ? others : [...others, { signal, stream, days, default: false }];
    save();
    return HttpResponse.json(rules());
  }),
  http.get('/api/v1/telemetry/deletions', ({ request }) => refusedSession(request) ?? HttpResponse.json({ items: state().deletions })),
  http.post('/api/v1/telemetry/deletions', async ({ request }) => {
    const { of } = (await request.json()) as { of: string };
    const now = new Date().toISOString();
    const project = of === 'project' ? state().project : null;
    const deletion: TelemetryDeletion = { id: nextId(), project_id: project, requested_at: now, done_at: now };
    state().deletions.unshift(deletion);
    save();
    return HttpResponse.json({ items: state().deletions }, { status: 201 });
  }),
];

function rules() {
  const said = state().retention;
  const left = WHOLE.filter(({ signal }) => !said.some((rule) => rule.signal === signal && rule.stream === ''));
  const items = [...said, ...left].sort((a, b) => a.signal.localeCompare(b.signal) || a.stream.localeCompare(b.stream));
  return { items, days: DAYS };
}

function badStream(stream: string): Response {
  const message = `is \`${stream}\`, which is neither a name nor the beginning of one before a \`*\``;
  return problem(422, 'Check what you entered', { errors: [{ field: 'stream', message }] });
}
