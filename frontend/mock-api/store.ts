import type { Alert, ApiKey, AuditEntry, Incident, Invitation, Member, OpenSession, OwnTelemetryLimits, ServiceAccount, SignOnProvider, Project, Tenant, TimelineEntry } from '../src/api/types';
import type { RetentionRule, TelemetryDeletion } from '../src/api/telemetry';
import type { SavedView } from '../src/api/saved-views';
import type { MonitoringIntegration } from '../src/api/monitoring';
import { seedStore } from './seed';

/** What the mock holds. Secrets and sessions are not among it: one signed-in flag stands for a session. */
export interface Store {
  user: { id: string; email: string; name: string };
  tenant: Tenant;
  signedIn: boolean;
  /** With which the account was made, until it is replaced. */
  initialPassword: string | null;
  project: string;
  projects: Project[];
  members: Member[];
  invitations: Invitation[];
  serviceAccounts: ServiceAccount[];
  sessions: OpenSession[];
  secondFactor: boolean;
  apiKeys: ApiKey[];
  keySecrets: Record<string, string>;
  incidents: Incident[];
  timelines: Record<string, TimelineEntry[]>;
  alerts: Alert[];
  audit: AuditEntry[];
  retention: RetentionRule[];
  deletions: TelemetryDeletion[];
  savedViews: SavedView[];
  integrations: MonitoringIntegration[];
  ownLimits: OwnTelemetryLimits;
  /** `<project>/<metrics, logs or traces>` of what has ever arrived. */
  signals: string[];
  signOn: SignOnProvider | null;
  numbers: number;
  ids: number;
}

const STORAGE = 'srec-mock';

let store = load();

/** The state of this tab; it survives a reload, and a new tab begins with the seed. */
export function state(): Store {
  return store;
}

export function save(): void {
  sessionStorage.setItem(STORAGE, JSON.stringify(store));
}

export function replace(next: Store): void {
  store = next;
  save();
}

/** UUIDs in sequence: shape of the real ones, stable from run to run. */
export function nextId(): string {
  store.ids += 1;
  return uuidOf(store.ids);
}

export function uuidOf(n: number): string {
  return `01981f00-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

function load(): Store {
  const kept = sessionStorage.getItem(STORAGE);
  return kept ? (JSON.parse(kept) as Store) : seedStore(Date.now());
}
