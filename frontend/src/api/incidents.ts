import { infiniteQueryOptions, keepPreviousData, queryOptions, type QueryClient } from '@tanstack/react-query';
import { api, ifMatch, read, write } from './client';
import { keys } from './keys';
import { allPages, PAGE_SIZE, present } from './paging';
import { asProblem, Problem, Recorded } from './problem';
import type { components } from './schema';
import type { CommandState, Incident, Severity, StepAction } from './types';

export interface IncidentFilter {
  order?: 'newest_first' | 'oldest_first' | 'worst_first' | undefined;
  status?: string | undefined;
  severity?: string | undefined;
  q?: string | undefined;
  assignee?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  resolved_from?: string | undefined;
  resolved_to?: string | undefined;
}

export interface Span {
  from?: string | undefined;
  to?: string | undefined;
}

/** `keyed` goes into the query key and must be stable (a range such as `7d`); `resolve` turns it into instants. */
export function incidentListQuery<F extends object>(
  project: string,
  keyed: F,
  resolve: (keyed: F) => IncidentFilter,
) {
  return infiniteQueryOptions({
    queryKey: keys.incidentList(project, keyed),
    queryFn: ({ pageParam }) =>
      read(
        api.GET('/api/v1/incidents', {
          params: { query: present({ ...resolve(keyed), limit: PAGE_SIZE, cursor: pageParam }) },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

/** So many of a span are marked on a chart: more would hide what they are to explain. */
const MARKED = 20;

/** The gravest incidents that began within a span. `about` names it and is stable, `span` turns it into instants. */
export function begunIncidentsQuery(project: string, about: object, span: () => Span) {
  return queryOptions({
    queryKey: keys.incidentList(project, { begun: about }),
    queryFn: async ({ signal }) => {
      const query = present({ ...span(), order: 'worst_first' as const, limit: MARKED });
      return (await read(api.GET('/api/v1/incidents', { params: { query }, signal }))).items;
    },
  });
}

export function incidentStatsQuery<R extends object>(project: string, keyed: R, resolve: (keyed: R) => Span) {
  return queryOptions({
    queryKey: keys.incidentStats(project, keyed),
    queryFn: () => read(api.GET('/api/v1/incidents/stats', { params: { query: present(resolve(keyed)) } })),
  });
}

export function incidentQuery(project: string, id: string) {
  return queryOptions({ queryKey: keys.incident(project, id), queryFn: () => fetchIncident(id) });
}

/** From the newest on; pages of earlier entries are read when somebody asks for them. */
export function timelineQuery(project: string, id: string) {
  return infiniteQueryOptions({
    queryKey: keys.timeline(project, id),
    queryFn: ({ pageParam }) => {
      const query = present({ order: 'newest_first' as const, limit: PAGE_SIZE, cursor: pageParam });
      return read(api.GET('/api/v1/incidents/{id}/timeline', { params: { path: { id }, query } }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export function incidentAlertsQuery(project: string, id: string) {
  return queryOptions({
    queryKey: keys.incidentAlerts(project, id),
    queryFn: () =>
      allPages((page) =>
        read(api.GET('/api/v1/incidents/{id}/alerts', { params: { path: { id }, query: page } })),
      ),
  });
}

export function declareIncident(body: components['schemas']['NewIncident']): Promise<Incident> {
  return write(api.POST('/api/v1/incidents', { body }), reloaded);
}

/**
 * Carries no version: the state machine itself refuses a step that no longer fits, and somebody's comment in the
 * meantime is no reason to refuse one that does.
 */
export function step(incident: Incident, action: StepAction, note?: string): Promise<Incident> {
  const options = {
    params: { path: { id: incident.id } },
    body: note ? { note } : {},
  };
  return write(api.POST(`/api/v1/incidents/{id}/${action}`, options), reloaded);
}

export function setSeverity(incident: Incident, severity: Severity): Promise<Incident> {
  return write(
    api.PUT('/api/v1/incidents/{id}/severity', { ...versioned(incident), body: { severity } }),
    reloaded,
  );
}

function setTitle(incident: Incident, title: string): Promise<Incident> {
  return write(
    api.PUT('/api/v1/incidents/{id}/title', { ...versioned(incident), body: { title } }),
    reloaded,
  );
}

/** Somebody else gave the incident another title while this one was being written. */
export class RenamedMeanwhile extends Problem {
  readonly incident: Incident;

  constructor(incident: Incident) {
    super({ status: 412 });
    this.incident = incident;
  }
}

/**
 * The title of an incident as it was when editing began. What else was done to the incident meanwhile, a comment say,
 * is no reason to refuse it; another title is.
 */
export async function rename(since: Incident, title: string): Promise<Incident> {
  try {
    return await setTitle(since, title);
  } catch (cause) {
    if (asProblem(cause).status !== 412) throw cause;
  }
  const latest = await fetchIncident(since.id);
  if (latest.title !== since.title) throw new RenamedMeanwhile(latest);
  return setTitle(latest, title);
}

export function assign(incident: Incident, userId: string | null): Promise<Incident> {
  return write(
    api.PUT('/api/v1/incidents/{id}/assignee', { ...versioned(incident), body: { user_id: userId } }),
    reloaded,
  );
}

export function merge(incident: Incident, into: string): Promise<Incident> {
  return write(
    api.POST('/api/v1/incidents/{id}/merge', { ...versioned(incident), body: { into } }),
    reloaded,
  );
}

export async function comment(incidentId: string, body: string): Promise<void> {
  const answer = api.POST('/api/v1/incidents/{id}/comments', {
    params: { path: { id: incidentId } },
    body: { body },
  });
  await write(answer, () => Promise.resolve(null));
}

/** After a write: show what the server answered at once, and have everything that depends on it refetched. */
export async function settleIncident(client: QueryClient, incident: Incident): Promise<void> {
  client.setQueryData(keys.incident(incident.project_id, incident.id), incident);
  await Promise.all([
    client.invalidateQueries({ queryKey: keys.everyIncidentList(incident.project_id) }),
    client.invalidateQueries({ queryKey: keys.timeline(incident.project_id, incident.id) }),
  ]);
}

function fetchIncident(id: string): Promise<Incident> {
  return read(api.GET('/api/v1/incidents/{id}', { params: { path: { id } } }));
}

function reloaded(resource: CommandState['resource']): Promise<Incident> {
  if (!resource) throw new Recorded();
  return fetchIncident(resource.id);
}

function versioned(incident: Incident) {
  return { params: { path: { id: incident.id } }, headers: ifMatch(incident.version) };
}
