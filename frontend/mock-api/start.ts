import { setupWorker } from 'msw/browser';
import { startActivity } from './activity';
import { alertRoutes } from './alert-routes';
import { auditRoutes } from './audit-routes';
import { authRoutes } from './auth-routes';
import { incidentRoutes } from './incident-routes';
import { liveHandlers } from './live';
import { logHandlers, logRoutes } from './log-routes';
import { metricRoutes } from './metric-routes';
import { monitoringRoutes } from './monitoring-routes';
import { savedViewRoutes } from './saved-view-routes';
import { signalRoutes } from './signals';
import { telemetryRoutes } from './telemetry-routes';
import { signOnRoutes } from './sign-on-routes';
import { tenantRoutes } from './tenant-routes';
import { accountRoutes } from './account-routes';
import { traceRoutes } from './trace-routes';
import { usageRoutes } from './usage-routes';

/** Answers every request of the console in the browser, so that it runs without a server. */
export async function startMockApi(): Promise<void> {
  const worker = setupWorker(
    ...authRoutes,
    ...incidentRoutes,
    ...alertRoutes,
    ...tenantRoutes,
    ...signOnRoutes,
    ...auditRoutes,
    ...accountRoutes,
    ...savedViewRoutes,
    ...signalRoutes,
    ...metricRoutes,
    ...logRoutes,
    ...traceRoutes,
    ...telemetryRoutes,
    ...monitoringRoutes,
    ...usageRoutes,
    ...logHandlers,
    ...liveHandlers,
  );
  await worker.start({ quiet: true, onUnhandledRequest: 'bypass' });
  if (import.meta.env.DEV) startActivity();
}
