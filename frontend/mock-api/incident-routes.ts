import { http, HttpResponse } from 'msw';
import type { Incident, Severity, StepAction } from '../src/api/types';
import { notFound, page, problem, refusedSession } from './answers';
import { change, find, open, record, statsOf } from './incidents';
import { announce } from './live';
import { allowedNext, RESULT } from './rules';
import { state } from './store';

type IncidentPath = { id: string };

export const incidentRoutes = [
  http.get('/api/v1/incidents', ({ request }) => {
    return refusedSession(request) ?? HttpResponse.json(page(request, filtered(new URL(request.url).searchParams)));
  }),
  http.post('/api/v1/incidents', async ({ request }) => {
    const body = (await request.json()) as { title: string; severity: Severity; description?: string };
    return HttpResponse.json(open({ ...body, source: 'manual', groupKey: null }), { status: 201 });
  }),
  http.get('/api/v1/incidents/stats', ({ request }) => {
    const from = new URL(request.url).searchParams.get('from');
    return refusedSession(request) ?? HttpResponse.json(statsOf(state().incidents, from ? Date.parse(from) : 0, Date.now()));
  }),
  http.get<IncidentPath>('/api/v1/incidents/:id', ({ request, params }) => {
    const incident = find(params.id);
    return refusedSession(request) ?? (incident ? answer(incident) : notFound());
  }),
  http.get<IncidentPath>('/api/v1/incidents/:id/timeline', ({ request, params }) => {
    const entries = state().timelines[params.id] ?? [];
    const newestFirst = new URL(request.url).searchParams.get('order') === 'newest_first';
    return HttpResponse.json(page(request, newestFirst ? entries.toReversed() : entries));
  }),
  http.get<IncidentPath>('/api/v1/incidents/:id/alerts', ({ request, params }) =>
    HttpResponse.json(page(request, state().alerts.filter((alert) => alert.incident_id === params.id))),
  ),
  http.post<IncidentPath>('/api/v1/incidents/:id/comments', async ({ request, params }) => {
    const { body } = (await request.json()) as { body: string };
    const incident = find(params.id);
    if (!incident) return notFound();
    return HttpResponse.json(record(incident, 'comment', { text: body }), { status: 201 });
  }),
  http.post<IncidentPath>('/api/v1/incidents/:id/merge', async ({ request, params }) => {
    const { into } = (await request.json()) as { into: string };
    return versioned(request, params.id, (incident) => {
      const target = find(into);
      if (!target) return notFound();
      record(target, 'absorbed', { data: { source: incident.id } });
      return answer(change(incident, { status: 'merged', merged_into: into }, 'merged', { into }));
    });
  }),
  ...(Object.keys(RESULT) as StepAction[]).map((action) =>
    http.post<IncidentPath>(`/api/v1/incidents/:id/${action}`, ({ request, params }) =>
      versioned(request, params.id, (incident) => takeStep(incident, action)),
    ),
  ),
  http.put<IncidentPath>('/api/v1/incidents/:id/severity', async ({ request, params }) => {
    const { severity } = (await request.json()) as { severity: Severity };
    return versioned(request, params.id, (incident) =>
      answer(change(incident, { severity }, 'severity_changed', { from: incident.severity, to: severity })),
    );
  }),
  http.put<IncidentPath>('/api/v1/incidents/:id/title', async ({ request, params }) => {
    const { title } = (await request.json()) as { title: string };
    return versioned(request, params.id, (incident) =>
      answer(change(incident, { title }, 'title_changed', { from: incident.title, to: title })),
    );
  }),
  http.put<IncidentPath>('/api/v1/incidents/:id/assignee', async ({ request, params }) => {
    const { user_id: userId } = (await request.json()) as { user_id: string | null };
    const member = state().members.find(({ user_id }) => user_id === userId);
    const assignee = member ? { id: member.user_id, name: member.name } : null;
    return versioned(request, params.id, (incident) => answer(change(incident, { assignee }, 'assigned', { to: userId })));
  }),
];

function filtered(query: URLSearchParams): Incident[] {
  const statuses = query.get('status')?.split(',').flatMap((one) => (one === 'open' ? OPEN : [one]));
  const severities = query.get('severity')?.split(',');
  const text = query.get('q')?.toLowerCase();
  const assignee = query.get('assignee');
  const from = query.get('from');
  const to = query.get('to');
  const resolvedFrom = query.get('resolved_from');
  const resolvedTo = query.get('resolved_to');
  const found = state().incidents.filter(
    (incident) =>
      incident.project_id === state().project &&
      (!statuses || statuses.includes(incident.status)) &&
      (!severities || severities.includes(incident.severity)) &&
      (!text || `${incident.key} ${incident.title}`.toLowerCase().includes(text)) &&
      (!assignee || incident.assignee?.id === assignee) &&
      (!from || incident.opened_at >= from) &&
      (!to || incident.opened_at < to) &&
      (!resolvedFrom || (incident.resolved_at ?? '') >= resolvedFrom) &&
      (!resolvedTo || (incident.resolved_at ?? resolvedTo) < resolvedTo),
  );
  switch (query.get('order')) {
    case 'oldest_first':
      return found.toReversed();
    case 'worst_first':
      return found.toSorted((left, right) => left.severity.localeCompare(right.severity));
    default:
      return found;
  }
}

const OPEN: string[] = ['detected', 'acknowledged', 'investigating', 'mitigated'];

function takeStep(incident: Incident, action: StepAction): Response {
  if (!allowedNext(incident.status).includes(action)) {
    return problem(409, 'Not possible in this state', {
      rule: 'illegal_transition',
      detail: `${incident.key} is ${incident.status}.`,
      allowed_next: incident.allowed_next,
    });
  }
  const status = RESULT[action];
  const instant = action === 'reopen' ? { resolved_at: null, learned_at: null } : { [`${status}_at`]: new Date().toISOString() };
  return answer(change(incident, { status, ...instant }, action === 'reopen' ? 'reopened' : status, {}));
}

function versioned(request: Request, id: string, act: (incident: Incident) => Response): Response {
  const refused = refusedSession(request);
  if (refused) return refused;
  const incident = find(id);
  if (!incident) return notFound();
  const expected = request.headers.get('If-Match');
  if (expected && expected !== `"${incident.version}"`) {
    return problem(412, 'Changed meanwhile', { rule: 'stale_version' });
  }
  const response = act(incident);
  announce('incident.updated', id);
  return response;
}

function answer(incident: Incident): Response {
  return HttpResponse.json(incident, { headers: { ETag: `"${incident.version}"` } });
}
