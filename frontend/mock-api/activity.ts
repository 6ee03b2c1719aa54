import { receive } from './alert-routes';
import { state } from './store';

const EVERY_MS = 30_000;
const SERVICES = ['checkout', 'payments', 'search', 'mail'];

/** In development only: an alert fires or resolves now and then, so that the live parts can be watched. */
export function startActivity(): void {
  let turn = 0;
  setInterval(() => {
    if (!state().signedIn) return;
    const service = SERVICES[Math.floor(turn / 2) % SERVICES.length] ?? 'checkout';
    const status = turn % 2 === 0 ? 'firing' : 'resolved';
    turn += 1;
    receive(payload(service, status));
  }, EVERY_MS);
}

function payload(service: string, status: 'firing' | 'resolved') {
  const now = new Date().toISOString();
  return {
    groupKey: `{}:{alertname="SlowRequests", service="${service}"}`,
    receiver: 'sre-copilot',
    alerts: [
      {
        status,
        labels: { alertname: 'SlowRequests', service, severity: 'warning' },
        annotations: { summary: `Requests to ${service} take longer than 1 s` },
        startsAt: now,
        endsAt: now,
        generatorURL: '',
        fingerprint: `51ow${service}`,
      },
    ],
  };
}
