import { expect, it } from 'vitest';
import {
  alertmanagerYaml, collectorYaml, curlCommand, lokiCurl, lokiYaml, otlpEnvironment, pinoLoki, pythonLoki, remoteWriteYaml,
} from './snippets';

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

it('tells Prometheus, OpenTelemetry and Loki clients the address and the key, each in its own words', () => {
  const origin = 'https://sre.example.net';
  expect(remoteWriteYaml(origin, 'srec_abc')).toMatch(/url: https:\/\/sre.example.net\/api\/v1\/write\n {4}authorization:\n.*\n {6}credentials: srec_abc/);
  expect(otlpEnvironment(origin, 'srec_abc')).toContain('OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20srec_abc\n');
  expect(otlpEnvironment(origin, 'srec_abc')).toContain(`OTEL_EXPORTER_OTLP_ENDPOINT=${origin}\n`);
  expect(collectorYaml(origin, 'srec_abc')).toContain('Authorization: Bearer srec_abc');
  expect(lokiYaml(origin, 'srec_abc')).toContain('bearer_token: srec_abc');
});

it('gives a library for Loki what it adds its own path to, or the whole address', () => {
  const origin = 'https://sre.example.net';
  const node = pinoLoki(origin, 'srec_abc');
  expect(node).toContain(`host: '${origin}',`);
  expect(node).not.toContain('/loki/api/v1/push');
  expect(node).toContain("headers: { Authorization: 'Bearer srec_abc' }");
  const python = pythonLoki(origin, 'srec_abc');
  expect(python).toContain(`url="${origin}/loki/api/v1/push"`);
  expect(python).toContain('auth=("any", "srec_abc")');
});

it('sends a line that is JSON once the shell has put the time in', () => {
  const body = /-d '(.*)'\n$/.exec(lokiCurl('http://localhost:8580', 'k'))?.[1]?.replace("'$(date +%s)000000000'", '1700000000000000000');
  expect(JSON.parse(body ?? '')).toMatchObject({ streams: [{ values: [['1700000000000000000', 'The first line has arrived']] }] });
});
