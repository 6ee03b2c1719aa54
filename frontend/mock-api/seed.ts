import type { Alert, Incident, IncidentStatus, Invitation, MemberRole, Person, Severity, TimelineEntry } from '../src/api/types';
import type { MonitoringIntegration } from '../src/api/monitoring';
import { allowedNext } from './rules';
import { uuidOf, type Store } from './store';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const MIRA: Person = { id: uuidOf(1), name: 'Mira Lindqvist' };
const TOMAS: Person = { id: uuidOf(2), name: 'Tomás Ferreira' };
const AYO: Person = { id: uuidOf(3), name: 'Ayo Bankole' };
const PROJECT = uuidOf(10);

interface Story {
  title: string;
  severity: Severity;
  status: IncidentStatus;
  /** Before now. */
  agoMs: number;
  alerts: { name: string; labels: Record<string, string>; summary: string }[];
  assignee?: Person;
  comments?: [Person, string][];
  description?: string;
  /** What Alertmanager left out of its notification. */
  leftOut?: number;
}

const STORIES: Story[] = [
  {
    title: 'Checkout answers 502 for a third of requests',
    severity: 'SEV1',
    status: 'investigating',
    agoMs: 34 * MINUTE,
    assignee: MIRA,
    leftOut: 37,
    alerts: [
      alert('HighErrorRate', 'checkout', 'eu-west-1', '31 % of requests answer 502'),
      alert('HighErrorRate', 'checkout', 'eu-central-1', '29 % of requests answer 502'),
      alert('UpstreamTimeouts', 'payments', 'eu-west-1', 'payments times out after 3 s'),
    ],
    comments: [
      [MIRA, 'Errors began with the 14:02 deploy of payments. Rolling back now.'],
      [TOMAS, 'Rollback is at 40 %. Connection pool on payments-db is full: 200 of 200.'],
    ],
  },
  {
    title: 'Disk of db-primary fills in 4 h',
    severity: 'SEV2',
    status: 'acknowledged',
    agoMs: 2 * HOUR + 12 * MINUTE,
    assignee: TOMAS,
    alerts: [alert('DiskWillFill', 'postgres', 'eu-west-1', 'db-primary:/var has 8 % left')],
    comments: [[TOMAS, 'WAL archive is behind; looking at the slot of the old replica.']],
  },
  {
    title: 'Search latency p99 above 2 s',
    severity: 'SEV3',
    status: 'mitigated',
    agoMs: 5 * HOUR,
    assignee: AYO,
    alerts: [alert('SlowSearch', 'search', 'us-east-1', 'p99 is 2.4 s over 10 min')],
  },
  {
    title: 'KubePodCrashLooping: recommendations-worker-7f9c8d restarts every 40 s since the image was rebuilt',
    severity: 'SEV3',
    status: 'detected',
    agoMs: 6 * MINUTE,
    alerts: [alert('KubePodCrashLooping', 'recommendations', 'eu-west-1', '12 restarts in 10 min')],
  },
  {
    title: 'Certificate of status.example.net expires in 13 days',
    severity: 'SEV4',
    status: 'detected',
    agoMs: 9 * HOUR,
    alerts: [alert('CertificateExpires', 'edge', 'global', '13 days left')],
  },
  {
    title: 'Customers report missing invoices for October',
    severity: 'SEV2',
    status: 'resolved',
    agoMs: DAY + 3 * HOUR,
    assignee: AYO,
    alerts: [],
    description: 'Support has 14 tickets since this morning. Invoices exist in the ledger but not in the portal.',
  },
];

const OLDER = [
  'Queue of e-mails grows', 'Login latency above 1 s', 'Node eu-7 not ready', 'Replica 3 lags by 90 s',
  'Kafka under-replicated partitions', 'Error budget of search burns 14x', 'Redis evicts keys',
  'TLS handshake failures at the edge', 'Cron nightly-export did not run', 'Memory of gateway above 90 %',
];
const OLDER_COUNT = 154;
/** Made by an administrator; every other one opens the account too. */
const FIRST_PASSWORD = 'given by somebody else';

/** A project in the middle of its day: open and closed incidents of every severity over a month. */
export function seedStore(now: number): Store {
  const store = emptyStore(now, { tenant: 'Nordlicht', email: 'mira@nordlicht.example', name: MIRA.name });
  store.user.id = MIRA.id;
  store.initialPassword = FIRST_PASSWORD;
  store.members = [
    member(MIRA, 'owner', now - 300 * DAY), member(TOMAS, 'admin', now - 220 * DAY), member(AYO, 'engineer', now - 40 * DAY),
  ];
  const late = { id: uuidOf(5), name: 'Noor Haddad' };
  store.members.push({ ...member(late, 'viewer', now - 4 * DAY), initial_password_until: iso(now + 3 * DAY) });
  store.projects.push({ id: uuidOf(11), name: 'staging', slug: 'staging', created_at: iso(now - 200 * DAY), archived_at: null });
  store.projects.push({ id: uuidOf(12), name: 'old shop', slug: 'old-shop', created_at: iso(now - 280 * DAY), archived_at: iso(now - 30 * DAY) });
  store.invitations = [invitation(now)];
  store.integrations = [
    integration(60, 'Prometheus of the shop', 'prometheus', 'http://prometheus.shop:9090', { status: 'up', since: now - 11 * DAY, version: '3.5.0' }),
    integration(61, 'Alertmanager', 'alertmanager', 'http://alertmanager.shop:9093', { status: 'up', since: now - 11 * DAY, version: '0.28.1' }),
    integration(62, 'Logs of Frankfurt', 'loki', 'https://loki.fra.nordlicht.example', { status: 'down', since: now - 47 * MINUTE, version: '3.4.2' }),
    integration(63, 'Collector', 'otlp', 'http://collector.shop:4318', null),
  ];
  store.serviceAccounts = [
    { id: uuidOf(50), name: 'deploys', description: 'The pipeline of the shop', created_at: iso(now - 80 * DAY), created_by: TOMAS, disabled_at: null },
  ];
  store.sessions.push({
    id: uuidOf(31), device: PHONE, address: '198.51.100.23', created_at: iso(now - 3 * DAY), seen_at: iso(now - 2 * HOUR), ends_at: iso(now + 27 * DAY), current: false,
  });
  store.apiKeys = [
    apiKey(uuidOf(20), 'alertmanager-eu', now - 200 * DAY, now - 40_000, null),
    { ...apiKey(uuidOf(21), 'alertmanager-us', now - 90 * DAY, now - 3 * MINUTE, null), created_by: TOMAS },
    apiKey(uuidOf(22), 'laptop-tomas', now - 60 * DAY, now - 20 * DAY, now - 15 * DAY),
  ];
  store.keySecrets = { [uuidOf(20)]: 'srec_mock_ingest_key' };
  [...olderStories(), ...STORIES.toSorted((left, right) => right.agoMs - left.agoMs)].forEach((story) => tell(store, story, now));
  store.audit = auditOf(store, now);
  store.signals = (['metrics', 'logs', 'traces'] as const).map((signal) => `${PROJECT}/${signal}`);
  return store;
}

/** A tenant that has just registered. */
export function emptyStore(now: number, who: { tenant: string; email: string; name: string }): Store {
  const user = { id: uuidOf(4), email: who.email, name: who.name };
  return {
    user,
    tenant: { id: uuidOf(9), name: who.tenant, erasure: null },
    signedIn: false,
    initialPassword: null,
    project: PROJECT,
    projects: [{ id: PROJECT, name: 'default', slug: 'default', created_at: iso(now), archived_at: null }],
    members: [member(user, 'owner', now)],
    invitations: [],
    serviceAccounts: [],
    sessions: [{ id: uuidOf(30), device: LAPTOP, address: '192.0.2.7', created_at: iso(now), seen_at: iso(now), ends_at: iso(now + 30 * DAY), current: true }],
    secondFactor: false,
    apiKeys: [], keySecrets: {}, incidents: [], timelines: {}, alerts: [], audit: [], signals: [],
    retention: [], deletions: [], savedViews: [], integrations: [], ownLimits: {}, signOn: null,
    numbers: 0,
    ids: 0x1000,
  };
}

const LAPTOP = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36';
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1';

function invitation(now: number): Invitation {
  return {
    id: uuidOf(40), email: 'lena@nordlicht.example', role: 'engineer', invited_by: MIRA,
    created_at: iso(now - DAY), expires_at: iso(now + 6 * DAY), link: `${location.origin}/join#srei_mocklena`,
    mail: { state: 'sent', since: iso(now - DAY + 3_000), detail: null },
  };
}

function olderStories(): Story[] {
  return Array.from({ length: OLDER_COUNT }, (_, index) => {
    const title = OLDER[index % OLDER.length] ?? 'Unnamed';
    return {
      title,
      severity: (['SEV3', 'SEV4', 'SEV2', 'SEV3', 'SEV1', 'SEV4', 'SEV3'] as const)[index % 7] ?? 'SEV4',
      status: index % 3 === 0 ? ('learned' as const) : ('resolved' as const),
      agoMs: 30 * DAY - index * 4.5 * HOUR,
      ...(index % 2 === 0 && { assignee: [MIRA, TOMAS, AYO][index % 3] ?? MIRA }),
      alerts: [alert(title.replace(/[^a-z]+/gi, ''), ['mail', 'edge', 'search'][index % 3] ?? 'edge', 'eu-west-1', title)],
    };
  }).toSorted((left, right) => right.agoMs - left.agoMs);
}

const WALK = ['detected', 'acknowledged', 'investigating', 'mitigated', 'resolved', 'learned'] as const;
const STEP_AFTER_MS = [0, 3 * MINUTE, 7 * MINUTE, 19 * MINUTE, 31 * MINUTE, 20 * HOUR];

function tell(store: Store, story: Story, now: number): void {
  store.numbers += 1;
  store.ids += 1;
  const id = uuidOf(store.ids);
  const opened = now - story.agoMs;
  const reached = WALK.indexOf(story.status as (typeof WALK)[number]);
  const stepTime = (step: number) => {
    const shift = 1 + (store.numbers % 5) * 0.4;
    return step <= reached ? iso(Math.min(now - MINUTE, opened + (STEP_AFTER_MS[step] ?? 0) * shift)) : null;
  };
  const over = reached >= 4;
  const incident: Incident = {
    id, number: store.numbers, key: `INC-${store.numbers}`, project_id: PROJECT,
    title: story.title, description: story.description ?? '',
    status: story.status, severity: story.severity,
    source: story.alerts.length > 0 ? 'alertmanager' : 'manual',
    group_key: story.alerts[0] ? `{}:{alertname="${story.alerts[0].name}"}` : null,
    opened_at: iso(opened),
    acknowledged_at: stepTime(1), investigating_at: stepTime(2), mitigated_at: stepTime(3),
    resolved_at: stepTime(4), learned_at: stepTime(5),
    updated_at: stepTime(reached) ?? iso(opened),
    opened_by: story.alerts.length > 0 ? null : AYO,
    assignee: story.assignee ?? null,
    merged_into: null,
    alerts_open: over ? 0 : story.alerts.length, alerts_total: story.alerts.length, alerts_left_out: over ? 0 : (story.leftOut ?? 0),
    version: reached + 1, stale: false, allowed_next: allowedNext(story.status),
  };
  store.incidents.unshift(incident);
  const alerts = story.alerts.map((one, index) => alertOf(store, incident, one, index));
  store.alerts.unshift(...alerts);
  store.timelines[id] = timelineOf(store, incident, alerts, story.comments ?? []);
}

function timelineOf(store: Store, incident: Incident, alerts: Alert[], comments: [Person, string][]): TimelineEntry[] {
  const entries: Omit<TimelineEntry, 'id'>[] = [
    fact(incident.opened_at, 'opened', incident.opened_by ?? null),
    ...alerts.map((one) => ({
      ...fact(one.starts_at, 'alert_fired', null),
      data: { alert_id: one.id, name: one.name, fingerprint: one.fingerprint },
    })),
  ];
  const who = incident.assignee ?? MIRA;
  const steps: [string, string | null | undefined][] = [
    ['acknowledged', incident.acknowledged_at], ['investigating', incident.investigating_at],
    ['mitigated', incident.mitigated_at], ['resolved', incident.resolved_at], ['learned', incident.learned_at],
  ];
  for (const [kind, at] of steps) if (at) entries.push(fact(at, kind, who));
  comments.forEach(([person, text], index) => {
    const at = iso(new Date(incident.opened_at).getTime() + (11 + index * 6) * MINUTE);
    entries.push({ ...fact(at, 'comment', person), text });
  });
  return entries
    .toSorted((left, right) => left.at.localeCompare(right.at))
    .map((entry) => {
      store.ids += 1;
      return { id: uuidOf(store.ids), ...entry };
    });
}

function fact(at: string, kind: string, person: Person | null): Omit<TimelineEntry, 'id'> {
  const actor = person
    ? ({ type: 'user', id: person.id, name: person.name } as const)
    : ({ type: 'system', id: 'incident_opener', name: 'incident_opener' } as const);
  return { at, kind, actor, text: null, data: {} };
}

function alert(name: string, service: string, region: string, summary: string) {
  return { name, summary, labels: { alertname: name, service, region, job: `${service}-exporter`, team: 'platform' } };
}

function alertOf(store: Store, incident: Incident, one: Story['alerts'][number], index: number): Alert {
  store.ids += 1;
  const started = new Date(incident.opened_at).getTime() - index * 20_000 - 45_000;
  return {
    id: uuidOf(store.ids),
    fingerprint: (0xabc0_0000_0000 + store.ids).toString(16).padStart(16, '0'),
    name: one.name,
    status: incident.resolved_at ? 'resolved' : 'firing',
    severity: incident.severity,
    labels: one.labels,
    annotations: { summary: one.summary, runbook: `https://runbooks.example.net/${one.name}` },
    starts_at: iso(started), ends_at: incident.resolved_at ?? null,
    received_at: incident.opened_at, updated_at: incident.updated_at,
    incident_id: incident.id,
    group_id: uuidOf(0x9000 + store.ids), group_key: incident.group_key ?? '{}',
    generator_url: 'http://prometheus.example.net:9090/graph?g0.expr=up',
    receiver: 'sre-copilot',
  };
}

function apiKey(id: string, name: string, created: number, used: number, revoked: number | null) {
  return {
    id, name, prefix: `srec_${name.slice(0, 4)}`, scopes: ['ingest' as const], project_id: PROJECT,
    created_at: iso(created), created_by: MIRA, expires_at: null,
    last_used_at: iso(used), revoked_at: revoked === null ? null : iso(revoked),
  };
}

function integration(
  id: number,
  name: string,
  kind: MonitoringIntegration['kind'],
  url: string,
  seen: { status: 'up' | 'down'; since: number; version: string } | null,
): MonitoringIntegration {
  const isDown = seen?.status === 'down';
  const set = { created_at: iso(Date.now() - 60 * DAY), created_by: TOMAS, changed_at: iso(Date.now() - 12 * DAY), changed_by: MIRA };
  return {
    id: uuidOf(id), name, kind, url, ca_certificate: null, version: 2, ...set,
    credential: kind === 'loki' ? { kind: 'headers', set_at: iso(Date.now() - 12 * DAY) } : null,
    health: {
      status: seen?.status ?? 'unknown', since: seen ? iso(seen.since) : null, version: seen?.version ?? null,
      error: isDown ? 'credential_refused' : null,
      detail: isDown ? 'it answered 401 Unauthorized: the credential is missing or not accepted' : null,
      latency_ms: seen ? 14 : null, noted_at: seen ? iso(Date.now() - 4 * MINUTE) : null,
    },
  };
}

function member(person: Person, role: MemberRole, joined: number) {
  const email = `${person.name.split(' ')[0]?.toLowerCase().replace('á', 'a')}@nordlicht.example`;
  return { user_id: person.id, email, name: person.name, role, joined_at: iso(joined), initial_password_until: null };
}

function auditOf(store: Store, now: number): Store['audit'] {
  return store.incidents.slice(0, 18).map((incident, index) => ({
    id: uuidOf(0x5000 + index), at: iso(now - index * 41 * MINUTE - MINUTE),
    actor: { type: 'user', id: MIRA.id, name: index % 3 === 0 ? TOMAS.name : MIRA.name },
    seq: 18 - index, kind: 'change',
    action: ['AcknowledgeIncident', 'CommentIncident', 'ResolveIncident'][index % 3] ?? 'CommentIncident',
    target: { type: 'incident', id: incident.id },
    result: index % 7 === 4 ? 'refused' : 'accepted',
    rule: index % 7 === 4 ? 'illegal_transition' : null,
    request_id: uuidOf(0x6000 + index),
    before: index % 7 === 4 ? null : { status: 'detected' },
    after: index % 7 === 4 ? null : { status: 'acknowledged' },
  }));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
