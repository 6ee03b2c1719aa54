import type { components } from './schema';

type Schemas = components['schemas'];

export type Actor = Schemas['ActorShown'];
export type Alert = Schemas['Alert'];
export type ApiKey = Schemas['ApiKey'];
export type AuditEntry = Schemas['AuditEntry'];
export type AuditStats = Schemas['AuditStats'];
export type CommandState = Schemas['CommandState'];
export type CreatedApiKey = Schemas['CreatedApiKey'];
export type Incident = Schemas['Incident'];
export type IncidentStats = Schemas['Stats'];
export type IncidentStatus = Schemas['IncidentStatus'];
export type Invitation = Schemas['Invitation'];
export type KeyScope = Schemas['KeyScope'];
export type Me = Schemas['Me'];
export type LimitReached = Schemas['LimitReached'];
export type Member = Schemas['Member'];
export type MemberRole = Schemas['MemberRole'];
export type NextAction = Schemas['NextAction'];
export type OpenSession = Schemas['OpenSession'];
export type OwnTelemetryLimits = Schemas['OwnTelemetryLimits'];
export type Person = Schemas['Person'];
export type Project = Schemas['Project'];
export type ProblemBody = Schemas['Problem'];
export type RateStanding = Schemas['RateStanding'];
export type ServiceAccount = Schemas['ServiceAccount'];
export type Session = Schemas['Session'];
export type Severity = Schemas['Severity'];
export type SingleSignOn = Schemas['SingleSignOn'];
export type SignOnProvider = Schemas['SignOnProvider'];
export type TelemetryAllowance = Schemas['TelemetryAllowance'];
export type Tenant = Schemas['Tenant'];
export type TenantUsage = Schemas['TenantUsage'];
export type TimelineEntry = Schemas['TimelineEntry'];
export type UsageOfDay = Schemas['UsageOfDay'];
export type UsageOfKey = Schemas['UsageOfKey'];

/** The steps that an engineer walks; `merge` is a process of its own and takes a target. */
export type StepAction = Exclude<NextAction, 'merge'>;

/** One page of any list. */
export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export const SEVERITIES: readonly Severity[] = ['SEV1', 'SEV2', 'SEV3', 'SEV4'];

export const MEMBER_ROLES: readonly MemberRole[] = ['owner', 'admin', 'engineer', 'viewer'];

/** What a project may see a member as; owners are owners everywhere. */
export const PROJECT_ROLES: readonly MemberRole[] = ['admin', 'engineer', 'viewer'];

export const KEY_SCOPES: readonly KeyScope[] = [
  'ingest',
  'ingest:metrics',
  'ingest:logs',
  'ingest:traces',
  'ingest:webhooks',
  'read',
  'write',
  'admin',
];
