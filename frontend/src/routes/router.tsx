import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  retainSearchParams,
} from '@tanstack/react-router';
import { enterProject, meQuery } from '../api/auth';
import { asProblem, Problem } from '../api/problem';
import { assertProject } from '../api/session';
import type { Me } from '../api/types';
import { Shell } from '../components/Shell';
import { NotFoundPage } from '../pages/NotFoundPage';
import { ProblemPage } from '../pages/ProblemPage';
import type { RangeName, RangeSearch } from '../util/range';
import { settingsTabs } from '../util/settings-tabs';
import { only, parseSearch, stringifySearch } from './search';

/**
 * A page by itself. The router's own answer to a missing chunk is to load the whole page anew, offline too; ours says
 * what happened and waits until the server answers.
 */
function page<M extends Record<string, unknown>, N extends keyof M & string>(load: () => Promise<M>, name: N) {
  const told = (cause: unknown) => {
    throw asProblem(cause);
  };
  return lazyRouteComponent(() => load().catch(told), name);
}

interface RouterContext {
  client: QueryClient;
}

const root = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
  notFoundComponent: NotFoundPage,
});

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: async ({ context }) => {
    const me = await signedIn(context.client, '/');
    throw redirect({ to: '/p/$project', params: { project: me.project.id } });
  },
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: only('next', 'sign_on', 'ended'),
  component: page(() => import('../pages/LoginPage'), 'LoginPage'),
});

const register = createRoute({
  getParentRoute: () => root,
  path: '/register',
  component: page(() => import('../pages/RegisterPage'), 'RegisterPage'),
});

const join = createRoute({
  getParentRoute: () => root,
  path: '/join',
  component: page(() => import('../pages/JoinPage'), 'JoinPage'),
});

/** Everything of a project: signed in, and the token issued for the project that the URL names. */
const projectRoute = createRoute({
  getParentRoute: () => root,
  path: '/p/$project',
  validateSearch: (search: Record<string, unknown>): RangeSearch & { refresh?: string | undefined } => only('range', 'from', 'to', 'refresh')(search),
  search: { middlewares: [retainSearchParams(['range', 'from', 'to', 'refresh'])] },
  beforeLoad: async ({ context: { client }, params, location, preload, abortController }) => {
    // Looking ahead changes nothing: the page that is open goes on in its own project.
    if (preload) return;
    await inTurn(abortController.signal, async () => {
      const me = await signedIn(client, location.href);
      if (me.project.id === params.project) return assertProject(params.project);
      await mustBeOurs(client, me, params.project);
      await enterProject(params.project);
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
    });
  },
  component: Shell,
});

const overview = createRoute({
  getParentRoute: () => projectRoute,
  path: '/',
  staticData: { timeRange: '30d' },
  component: page(() => import('../pages/OverviewPage'), 'OverviewPage'),
});

const incidentsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/incidents',
  staticData: { timeRange: 'all' },
  validateSearch: only('status', 'severity', 'q', 'assignee', 'order', 'when'),
  component: page(() => import('../pages/IncidentsPage'), 'IncidentsPage'),
});

const declareIncident = createRoute({
  getParentRoute: () => projectRoute,
  path: '/incidents/new',
  component: page(() => import('../pages/DeclareIncidentPage'), 'DeclareIncidentPage'),
});

const incident = createRoute({
  getParentRoute: () => projectRoute,
  path: '/incidents/$incident',
  component: page(() => import('../pages/IncidentPage'), 'IncidentPage'),
});

const alerts = createRoute({
  getParentRoute: () => projectRoute,
  path: '/alerts',
  validateSearch: only('status', 'q', 'alert'),
  component: page(() => import('../pages/AlertsPage'), 'AlertsPage'),
});

const metrics = createRoute({
  getParentRoute: () => projectRoute,
  path: '/metrics',
  staticData: { timeRange: '1h' },
  validateSearch: only('a', 'b', 'c', 'd', 'e', 'f', 'hidden', 'step', 'tab'),
  component: page(() => import('../pages/MetricsPage'), 'MetricsPage'),
});

const logs = createRoute({
  getParentRoute: () => projectRoute,
  path: '/logs',
  staticData: { timeRange: '1h' },
  validateSearch: only('q', 'service', 'level', 'tab', 'live', 'order', 'line'),
  component: page(() => import('../pages/LogsPage'), 'LogsPage'),
});

const traces = createRoute({
  getParentRoute: () => projectRoute,
  path: '/traces',
  staticData: { timeRange: '1h' },
  validateSearch: only('service', 'operation', 'q', 'min', 'max', 'errors', 'tab'),
  component: page(() => import('../pages/TracesPage'), 'TracesPage'),
});

const trace = createRoute({
  getParentRoute: () => projectRoute,
  path: '/traces/$trace',
  validateSearch: only('tab', 'span'),
  component: page(() => import('../pages/TracePage'), 'TracePage'),
});

const services = createRoute({
  getParentRoute: () => projectRoute,
  path: '/services',
  staticData: { timeRange: '1h' },
  validateSearch: only('service', 'tab', 'order'),
  component: page(() => import('../pages/ServicesPage'), 'ServicesPage'),
});

const gettingStarted = createRoute({
  getParentRoute: () => projectRoute,
  path: '/getting-started',
  validateSearch: only('tab'),
  component: page(() => import('../pages/GettingStartedPage'), 'GettingStartedPage'),
});

const settings = createRoute({
  getParentRoute: () => projectRoute,
  path: '/settings',
  component: page(() => import('../pages/SettingsPage'), 'SettingsPage'),
});

const settingsHome = createRoute({
  getParentRoute: () => settings,
  path: '/',
  beforeLoad: ({ context: { client }, params }) => {
    const [first] = settingsTabs(client.getQueryData(meQuery.queryKey)?.permissions ?? []);
    throw redirect({ to: first?.to ?? '/p/$project/settings/security', params });
  },
});

const apiKeys = createRoute({
  getParentRoute: () => settings,
  path: '/api-keys',
  component: page(() => import('../pages/ApiKeysPage'), 'ApiKeysPage'),
});

const members = createRoute({
  getParentRoute: () => settings,
  path: '/members',
  component: page(() => import('../pages/MembersPage'), 'MembersPage'),
});

const singleSignOn = createRoute({
  getParentRoute: () => settings,
  path: '/single-sign-on',
  component: page(() => import('../pages/SingleSignOnPage'), 'SingleSignOnPage'),
});

const roles = createRoute({
  getParentRoute: () => settings,
  path: '/roles',
  component: page(() => import('../pages/RolesPage'), 'RolesPage'),
});

const security = createRoute({
  getParentRoute: () => settings,
  path: '/security',
  component: page(() => import('../pages/SecurityPage'), 'SecurityPage'),
});

const projects = createRoute({
  getParentRoute: () => settings,
  path: '/projects',
  component: page(() => import('../pages/ProjectsPage'), 'ProjectsPage'),
});

const integrations = createRoute({
  getParentRoute: () => settings,
  path: '/integrations',
  component: page(() => import('../pages/IntegrationsPage'), 'IntegrationsPage'),
});

const telemetry = createRoute({
  getParentRoute: () => settings,
  path: '/telemetry',
  component: page(() => import('../pages/TelemetryPage'), 'TelemetryPage'),
});

const telemetryLimits = createRoute({
  getParentRoute: () => settings,
  path: '/telemetry-limits',
  component: page(() => import('../pages/TelemetryLimitsPage'), 'TelemetryLimitsPage'),
});

const usage = createRoute({
  getParentRoute: () => settings,
  path: '/usage',
  component: page(() => import('../pages/UsagePage'), 'UsagePage'),
});

const audit = createRoute({
  getParentRoute: () => settings,
  path: '/audit',
  staticData: { timeRange: '30d', allTime: true, audited: true },
  validateSearch: only('q', 'kind', 'result', 'actor', 'target'),
  component: page(() => import('../pages/AuditPage'), 'AuditPage'),
});

const tree = root.addChildren([
  home,
  login,
  register,
  join,
  projectRoute.addChildren([
    overview,
    incidentsRoute,
    declareIncident,
    incident,
    alerts,
    metrics,
    logs,
    traces,
    trace,
    services,
    gettingStarted,
    settings.addChildren([settingsHome, apiKeys, members, singleSignOn, roles, projects, security, integrations, telemetry, telemetryLimits, usage, audit]),
  ]),
]);

export function createConsoleRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    parseSearch,
    stringifySearch,
    defaultPreload: 'intent',
    scrollRestoration: true,
    defaultErrorComponent: ({ error }) => <ProblemPage problem={asProblem(error)} />,
    defaultNotFoundComponent: NotFoundPage,
  });
}

/** Pages that are for people without a session, too, and say themselves what to do. */
const WITHOUT_SESSION = ['/login', '/register', '/join'];

/** The session is over while a page is open: to the login page and back, once, and saying so to whoever was signed in. */
export function leaveForLogin(router: ReturnType<typeof createConsoleRouter>, client: QueryClient): void {
  const { pathname, href } = router.latestLocation;
  if (WITHOUT_SESSION.includes(pathname)) return;
  const ended = client.getQueryData(meQuery.queryKey) ? '1' : undefined;
  client.clear();
  void router.navigate({ to: '/login', search: { next: href, ended } });
}

/** Who is signed in, or a detour over the login page that leads back to `next`. */
async function signedIn(client: QueryClient, next: string) {
  try {
    return await client.ensureQueryData(meQuery);
  } catch (cause) {
    if (asProblem(cause).status === 401) throw redirect({ to: '/login', search: next === '/' ? {} : { next } });
    throw cause;
  }
}

let before: Promise<void> = Promise.resolve();

/**
 * One navigation after the other decides on the project, each by what the one before it left: changes of the session
 * that overlap would end in either. Whoever was overtaken while they waited changes nothing.
 */
function inTurn(overtaken: AbortSignal, act: () => Promise<void>): Promise<void> {
  const turn = before.then(() => (overtaken.aborted ? undefined : act()));
  before = turn.catch(() => undefined);
  return turn;
}

/** A project that a colleague made a moment ago is not in what we know yet, so the server is asked before we say no. */
async function mustBeOurs(client: QueryClient, me: Me, id: string): Promise<void> {
  const known = ({ projects }: Me) => projects.some((one) => one.id === id);
  if (known(me) || known(await client.fetchQuery({ ...meQuery, staleTime: 0 }))) return;
  throw new Problem({ status: 404, detail: 'There is no such project in your organisation.' });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }

  interface StaticDataRouteOption {
    /** The page reads the shared time range; this is its range when the URL names none. */
    timeRange?: RangeName;
    /** It offers all time, too; a page whose own range is all time does anyway. */
    allTime?: boolean;
    /** Each time that it is read is an entry of the audit: it does not ask again by itself. */
    audited?: boolean;
  }
}
