import type { components } from './schema';

type Schemas = components['schemas'];

/** The contract's shape with some fields narrowed to the closed sets that the contract describes in words. */
type Narrow<T, N extends { [K in keyof N]: K extends keyof T ? unknown : never }> = Omit<T, keyof N> & N;

export type IncidentStatus =
  | 'detected'
  | 'acknowledged'
  | 'investigating'
  | 'mitigated'
  | 'resolved'
  | 'learned'
  | 'merged';
export type Severity = 'SEV1' | 'SEV2' | 'SEV3' | 'SEV4';
export type MemberRole = 'owner' | 'admin' | 'engineer' | 'viewer';
export type KeyScope = 'ingest' | 'read' | 'write' | 'admin';

/** The steps that an engineer walks; `merge` is a process of its own and takes a target. */
export type StepAction = 'acknowledge' | 'investigate' | 'mitigate' | 'resolve' | 'learn' | 'reopen';
export type NextAction = StepAction | 'merge';

export type Actor = Narrow<Schemas['ActorShown'], { type: 'user' | 'api_key' | 'system' }>;
export type Alert = Narrow<Schemas['Alert'], { status: 'firing' | 'resolved'; severity: Severity }>;
export type ApiKey = Narrow<Schemas['ApiKey'], { scopes: KeyScope[] }>;
export type AuditRecord = Narrow<Schemas['AuditRecord'], { actor: Actor; result: 'accepted' | 'refused' }>;
export type CommandState = Schemas['CommandState'];
export type CreatedApiKey = Narrow<Schemas['CreatedApiKey'], { scopes: KeyScope[] }>;
export type Incident = Narrow<
  Schemas['Incident'],
  { status: IncidentStatus; severity: Severity; source: 'alertmanager' | 'manual'; allowed_next: NextAction[] }
>;
export type IncidentStats = Schemas['Stats'];
export type Me = Narrow<Schemas['Me'], { role: MemberRole }>;
export type Member = Narrow<Schemas['Member'], { role: MemberRole }>;
export type Person = Schemas['Person'];
export type Project = Schemas['Project'];
export type ProblemBody = Schemas['Problem'];
export type Session = Schemas['Session'];
export type TimelineEntry = Narrow<Schemas['TimelineEntry'], { actor: Actor; data: Record<string, unknown> }>;

/** One page of any list. */
export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export const SEVERITIES: readonly Severity[] = ['SEV1', 'SEV2', 'SEV3', 'SEV4'];

export const MEMBER_ROLES: readonly MemberRole[] = ['owner', 'admin', 'engineer', 'viewer'];

export const KEY_SCOPES: readonly KeyScope[] = ['ingest', 'read', 'write', 'admin'];
