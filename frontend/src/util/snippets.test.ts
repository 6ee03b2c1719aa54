import { expect, it } from 'vitest';
import { alertmanagerYaml, curlCommand } from './snippets';

it('puts the console’s own origin and the new key into the Alertmanager file', () => {
  const yaml = alertmanagerYaml('https://sre.example.net', 'srec_abc');
  expect(yaml).toContain('- url: https://sre.example.net/api/v1/webhooks/alertmanager');
  expect(yaml).toContain('credentials: srec_abc');
  expect(yaml).toContain('send_resolved: true');
});

it('sends a body that is JSON and survives the quotes of a shell', () => {
  const body = /-d '([^']*)'/.exec(curlCommand('http://localhost:8580', 'k'))?.[1];
  expect(JSON.parse(body ?? '')).toMatchObject({ version: '4', alerts: [{ status: 'firing', endsAt: '0001-01-01T00:00:00Z' }] });
});
