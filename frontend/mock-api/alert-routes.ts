import { http, HttpResponse } from 'msw';
import type { Alert, Incident, Severity } from '../src/api/types';
import { notFound, page, problem, refusedSession } from './answers';
import { change, open, recordBySystem } from './incidents';
import { announce } from './live';
import { nextId, save, state } from './store';

export const alertRoutes = [
  http.get('/api/v1/alerts', ({ request }) => {
    const query = new URL(request.url).searchParams;
    const status = query.get('status');
    const text = query.get('q')?.toLowerCase();
    const found = ownAlerts().filter(
      (alert) =>
        (!status || alert.status === status) &&
        (!text || JSON.stringify([alert.name, alert.labels, alert.annotations]).toLowerCase().includes(text)),
    );
    return refusedSession(request) ?? HttpResponse.json(page(request, found));
  }),
  http.get<{ id: string }>('/api/v1/alerts/:id', ({ params }) => {
    const alert = ownAlerts().find(({ id }) => id === params.id);
    return alert ? HttpResponse.json(alert) : notFound();
  }),
  http.post('/api/v1/webhooks/alertmanager', async ({ request }) => {
    const key = request.headers.get('Authorization')?.replace(/^Bearer /, '');
    const known = Object.entries(state().keySecrets).find(([, secret]) => secret === key);
    if (!known) return problem(401, 'Unknown key', { rule: 'unknown_key' });
    receive((await request.json()) as AlertmanagerPayload);
    return HttpResponse.json({ id: nextId() }, { status: 202 });
  }),
];

interface AlertmanagerPayload {
  groupKey: string;
  receiver: string;
  alerts: {
    status: Alert['status'];
    labels: Record<string, string>;
    annotations: Record<string, string>;
    startsAt: string;
    endsAt: string;
    generatorURL: string;
    fingerprint: string;
  }[];
}

function ownAlerts(): Alert[] {
  const incidents = new Set(state().incidents.filter((one) => one.project_id === state().project).map(({ id }) => id));
  return state().alerts.filter((alert) => alert.incident_id && incidents.has(alert.incident_id));
}

/** Alertmanager's payload as the platform treats it: one open incident per group, resolved with its last alert. */
export function receive(payload: AlertmanagerPayload): void {
  for (const incoming of payload.alerts) {
    const known = state().alerts.find((one) => one.fingerprint === incoming.fingerprint && one.status === 'firing');
    if (incoming.status === 'resolved') {
      if (known) settle(known, incoming.endsAt);
    } else if (!known) {
      fire(payload, incoming);
    }
  }
  save();
}

function fire(payload: AlertmanagerPayload, incoming: AlertmanagerPayload['alerts'][number]): void {
  const severity = severityOf(incoming.labels['severity']);
  const name = incoming.labels['alertname'] ?? 'Alert';
  const incident =
    openIncidentOf(payload.groupKey) ??
    open({ title: incoming.annotations['summary'] ?? name, severity, source: 'alertmanager', groupKey: payload.groupKey });
  const now = new Date().toISOString();
  const alert: Alert = {
    id: nextId(), fingerprint: incoming.fingerprint, name, status: 'firing', severity,
    labels: incoming.labels, annotations: incoming.annotations,
    starts_at: incoming.startsAt, ends_at: null, received_at: now, updated_at: now,
    incident_id: incident.id, group_id: nextId(), group_key: payload.groupKey,
    generator_url: incoming.generatorURL || null, receiver: payload.receiver,
  };
  state().alerts.unshift(alert);
  incident.alerts_open += 1;
  incident.alerts_total += 1;
  recordBySystem(incident, 'alert_fired', { alert_id: alert.id, name, fingerprint: alert.fingerprint });
  announce('alert.fired', alert.id);
  announce('incident.updated', incident.id);
}

function settle(alert: Alert, endsAt: string): void {
  alert.status = 'resolved';
  alert.ends_at = endsAt;
  announce('alert.resolved', alert.id);
  const incident = state().incidents.find(({ id }) => id === alert.incident_id);
  if (!incident) return;
  incident.alerts_open -= 1;
  recordBySystem(incident, 'alert_resolved', { alert_id: alert.id, name: alert.name });
  if (incident.alerts_open === 0 && !incident.resolved_at) {
    change(incident, { status: 'resolved', resolved_at: new Date().toISOString() }, 'resolved', { automatic: true });
  }
  announce('incident.updated', incident.id);
}

function openIncidentOf(groupKey: string): Incident | undefined {
  return state().incidents.find(
    (one) => one.group_key === groupKey && one.project_id === state().project && !one.resolved_at,
  );
}

function severityOf(label: string | undefined): Severity {
  if (label === 'critical' || label === 'page') return 'SEV1';
  if (label === 'error' || label === 'high') return 'SEV2';
  return label === 'warning' ? 'SEV3' : 'SEV4';
}
