import type { HealthStatus, MonitoringKind } from '../api/monitoring';

interface KindText {
  label: string;
  example: string;
  /** What stands behind the address, and what is asked of it. */
  help: string;
}

export const KINDS: Record<MonitoringKind, KindText> = {
  prometheus: {
    label: 'Prometheus',
    example: 'http://prometheus:9090',
    help: 'The address under which its web page opens, with its path prefix if it has one. Asked: /-/ready and /api/v1/status/buildinfo.',
  },
  alertmanager: {
    label: 'Alertmanager',
    example: 'http://alertmanager:9093',
    help: 'The address under which its web page opens. Asked: /api/v2/status.',
  },
  grafana: {
    label: 'Grafana',
    example: 'https://grafana.example.com',
    help: 'Its root URL. Asked: /api/health, and with a credential /api/org. As credential, take the token of a service account with the role Viewer.',
  },
  loki: {
    label: 'Loki',
    example: 'http://loki:3100',
    help: 'The address of its HTTP API. Asked: /ready and /loki/api/v1/status/buildinfo. Several tenants: set the header X-Scope-OrgID.',
  },
  otlp: {
    label: 'OTLP',
    example: 'http://collector:4318',
    help: 'A collector that takes OTLP over HTTP. Asked: an empty export to /v1/metrics, or to the path that the address ends with.',
  },
};

export const KIND_NAMES = Object.keys(KINDS) as MonitoringKind[];

export const HEALTH_TEXT: Record<HealthStatus, string> = { unknown: 'not asked yet', up: 'up', down: 'down' };

const ERROR_TEXT: Record<string, string> = {
  address_refused: 'Its address may not be called',
  name_not_resolved: 'Its name has no address',
  not_connected: 'No connection',
  tls_failed: 'TLS failed',
  too_late: 'It answers too late',
  credential_refused: 'The credential is not accepted',
  not_ready: 'It is not ready',
  redirected: 'It redirects elsewhere',
  http_status: 'It answers with an error',
  not_understood: 'It answers, but not as what it should be',
  too_large: 'Its answer is too large',
};

/** A word of the server for people; one that this console does not know stays a word. */
export function errorText(error: string): string {
  return ERROR_TEXT[error] ?? error.replaceAll('_', ' ');
}

const STEP_TEXT: Record<string, string> = {
  resolve: 'Find the address',
  connect: 'Connect',
  tls: 'TLS',
  request: 'Ask',
  version: 'Version',
  credential: 'Credential',
};

export function stepText(name: string): string {
  return STEP_TEXT[name] ?? name;
}
