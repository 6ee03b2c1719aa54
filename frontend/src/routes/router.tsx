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
  validateSearch: only('next', 'sign_on'),
  component: lazyRouteComponent(() => import('../pages/LoginPage'), 'LoginPage'),
});

const register = createRoute({
  getParentRoute: () => root,
  path: '/register',
  component: lazyRouteComponent(() => import('../pages/RegisterPage'), 'RegisterPage'),
});

const join = createRoute({
  getParentRoute: () => root,
  path: '/join',
  component: lazyRouteComponent(() => import('../pages/JoinPage'), 'JoinPage'),
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
  component: lazyRouteComponent(() => import('../pages/OverviewPage'), 'OverviewPage'),
});

const incidentsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/incidents',
  staticData: { timeRange: 'all' },
  validateSearch: only('status', 'severity', 'q', 'assignee', 'order'),
  component: lazyRouteComponent(() => import('../pages/IncidentsPage'), 'IncidentsPage'),
});

const declareIncident = createRoute({
  getParentRoute: () => projectRoute,
  path: '/incidents/new',
  component: lazyRouteComponent(() => import('../pages/DeclareIncidentPage'), 'DeclareIncidentPage'),
});

const incident = createRoute({
  getParentRoute: () => projectRoute,
  path: '/incidents/$incident',
  component: lazyRouteComponent(() => import('../pages/IncidentPage'), 'IncidentPage'),
});

const alerts = createRoute({
  getParentRoute: () => projectRoute,
  path: '/alerts',
  validateSearch: only('status', 'q', 'alert'),
  component: lazyRouteComponent(() => import('../pages/AlertsPage'), 'AlertsPage'),
});

const metrics = createRoute({
  getParentRoute: () => projectRoute,
  path: '/metrics',
  staticData: { timeRange: '1h' },
  validateSearch: only('a', 'b', 'c', 'd', 'e', 'f', 'hidden', 'step', 'tab'),
  component: lazyRouteComponent(() => import('../pages/MetricsPage'), 'MetricsPage'),
});

const logs = createRoute({
  getParentRoute: () => projectRoute,
  path: '/logs',
  staticData: { timeRange: '1h' },
  validateSearch: only('q', 'service', 'level', 'tab', 'live', 'order'),
  component: lazyRouteComponent(() => import('../pages/LogsPage'), 'LogsPage'),
});

const traces = createRoute({
  getParentRoute: () => projectRoute,
  path: '/traces',
  staticData: { timeRange: '1h' },
  validateSearch: only('service', 'operation', 'q', 'min', 'max', 'errors', 'tab'),
  component: lazyRouteComponent(() => import('../pages/TracesPage'), 'TracesPage'),
});

const trace = createRoute({
  getParentRoute: () => projectRoute,
  path: '/traces/$trace',
  validateSearch: only('tab', 'span'),
  component: lazyRouteComponent(() => import('../pages/TracePage'), 'TracePage'),
});

const services = createRoute({
  getParentRoute: () => projectRoute,
  path: '/services',
  staticData: { timeRange: '1h' },
  validateSearch: only('service', 'tab'),
  component: lazyRouteComponent(() => import('../pages/ServicesPage'), 'ServicesPage'),
});

const gettingStarted = createRoute({
  getParentRoute: () => projectRoute,
  path: '/getting-started',
  validateSearch: only('tab'),
  component: lazyRouteComponent(() => import('../pages/GettingStartedPage'), 'GettingStartedPage'),
});

const settings = createRoute({
  getParentRoute: () => projectRoute,
  path: '/settings',
  component: lazyRouteComponent(() => import('../pages/SettingsPage'), 'SettingsPage'),
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
  component: lazyRouteComponent(() => import('../pages/ApiKeysPage'), 'ApiKeysPage'),
});

const members = createRoute({
  getParentRoute: () => settings,
  path: '/members',
  component: lazyRouteComponent(() => import('../pages/MembersPage'), 'MembersPage'),
});

const singleSignOn = createRoute({
  getParentRoute: () => settings,
  path: '/single-sign-on',
  component: lazyRouteComponent(() => import('../pages/SingleSignOnPage'), 'SingleSignOnPage'),
});

const roles = createRoute({
  getParentRoute: () => settings,
  path: '/roles',
  component: lazyRouteComponent(() => import('../pages/RolesPage'), 'RolesPage'),
});

const security = createRoute({
  getParentRoute: () => settings,
  path: '/security',
  component: lazyRouteComponent(() => import('../pages/SecurityPage'), 'SecurityPage'),
});

const projects = createRoute({
  getParentRoute: () => settings,
  path: '/projects',
  component: lazyRouteComponent(() => import('../pages/ProjectsPage'), 'ProjectsPage'),
});

const integrations = createRoute({
  getParentRoute: () => settings,
  path: '/integrations',
  component: lazyRouteComponent(() => import('../pages/IntegrationsPage'), 'IntegrationsPage'),
});

const telemetry = createRoute({
  getParentRoute: () => settings,
  path: '/telemetry',
  component: lazyRouteComponent(() => import('../pages/TelemetryPage'), 'TelemetryPage'),
});

const telemetryLimits = createRoute({
  getParentRoute: () => settings,
  path: '/telemetry-limits',
  component: lazyRouteComponent(() => import('../pages/TelemetryLimitsPage'), 'TelemetryLimitsPage'),
});

const usage = createRoute({
  getParentRoute: () => settings,
  path: '/usage',
  component: lazyRouteComponent(() => import('../pages/UsagePage'), 'UsagePage'),
});

const audit = createRoute({
  getParentRoute: () => settings,
  path: '/audit',
  staticData: { timeRange: '30d' },
  validateSearch: only('q', 'kind', 'result', 'actor', 'target'),
  component: lazyRouteComponent(() => import('../pages/AuditPage'), 'AuditPage'),
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
  }
}
