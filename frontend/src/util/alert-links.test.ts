import { expect, it } from 'vitest';
import { alertLinks, servicesOf } from './alert-links';

const alert = {
  labels: { alertname: 'CheckoutDown', job: 'probe', service: 'checkout' },
  annotations: { summary: 'down', runbook_url: 'https://runbooks.example.net/checkout' },
  starts_at: '2026-11-23T02:41:00Z',
  ends_at: null,
  generator_url: 'http://prometheus:9090/graph?g0.expr=up%7Bjob%3D%22probe%22%7D+%3D%3D+0&g0.tab=1',
};
const at = (time: string) => Date.parse(time);

it('looks at the service around the alert’s beginning, with the rule’s own query', () => {
  expect(alertLinks(alert, at('2026-11-23T02:50:00Z'))).toEqual({
    window: { from: '2026-11-23T02:26:00.000Z', to: '2026-11-23T02:50:00.000Z' },
    service: 'checkout',
    expression: 'up{job="probe"} == 0',
    runbook: 'https://runbooks.example.net/checkout',
  });
});

it('shows the first hour of what has fired for days, and nothing after its end', () => {
  expect(alertLinks(alert, at('2026-11-27T00:00:00Z')).window.to).toBe('2026-11-23T03:41:00.000Z');
  expect(alertLinks({ ...alert, ends_at: '2026-11-23T02:44:00Z' }, at('2026-11-27T00:00:00Z')).window.to).toBe('2026-11-23T02:44:00.000Z');
});

it('knows the services of an incident’s alerts, the most frequent first', () => {
  const of = (labels: Record<string, string>) => ({ labels });
  expect(servicesOf([of({ job: 'cart' }), of({ service: 'pay', job: 'x' }), of({ app: 'pay' }), of({ instance: 'i' })])).toEqual(['pay', 'cart']);
});

it('promises nothing that the alert does not tell', () => {
  const bare = { ...alert, labels: { alertname: 'X' }, annotations: { runbook: 'ask Ada' }, generator_url: 'not an address' };
  expect(alertLinks(bare, at('2026-11-23T02:50:00Z'))).toMatchObject({ service: undefined, expression: undefined, runbook: undefined });
});
