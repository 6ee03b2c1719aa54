/** The text that a newcomer copies. `origin` is the address of this very console, `key` the key made on the page. */

export function alertmanagerYaml(origin: string, key: string): string {
  return `route:
  receiver: sre-copilot
  group_by: [alertname, service]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 4h

receivers:
  - name: sre-copilot
    webhook_configs:
      - url: ${origin}/api/v1/webhooks/alertmanager
        send_resolved: true
        http_config:
          authorization:
            type: Bearer
            credentials: ${key}
`;
}

export function prometheusYaml(): string {
  return `global:
  evaluation_interval: 5s

alerting:
  alertmanagers:
    - static_configs:
        - targets: ['localhost:9093']

rule_files:
  - sre-copilot-rules.yml
`;
}

export function ruleYaml(): string {
  return `groups:
  - name: sre-copilot
    rules:
      - alert: FirstAlert
        expr: vector(1)
        labels:
          severity: warning
          service: getting-started
        annotations:
          summary: The first alert has arrived
`;
}

export function curlCommand(origin: string, key: string): string {
  return `curl ${origin}/api/v1/webhooks/alertmanager \\
  -H 'Authorization: Bearer ${key}' \\
  -H 'Content-Type: application/json' \\
  -d '${firstAlertBody()}'
`;
}

/** Alertmanager's webhook payload, version 4, with one firing alert. */
function firstAlertBody(): string {
  const labels = { alertname: 'FirstAlert', severity: 'warning', service: 'getting-started' };
  const annotations = { summary: 'The first alert has arrived' };
  return JSON.stringify({
    version: '4',
    groupKey: '{}:{alertname="FirstAlert"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'sre-copilot',
    groupLabels: { alertname: 'FirstAlert' },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: 'http://localhost:9093',
    alerts: [
      {
        status: 'firing',
        labels,
        annotations,
        startsAt: new Date().toISOString(),
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: '',
        fingerprint: 'f1257a1e27000001',
      },
    ],
  });
}

/** Goes into prometheus.yml as it is; every sample that the server scrapes is then sent here too. */
export function remoteWriteYaml(origin: string, key: string): string {
  return `remote_write:
  - url: ${origin}/api/v1/write
    authorization:
      type: Bearer
      credentials: ${key}
    send_exemplars: true
    metadata_config:
      send: true
`;
}

/** OTLP over HTTP for metrics, logs and traces; the space of "Bearer <key>" is written %20, as the specification asks. */
export function otlpEnvironment(origin: string, key: string): string {
  return `export OTEL_SERVICE_NAME=my-service
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
export OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20${key}
`;
}

export function collectorYaml(origin: string, key: string): string {
  return `exporters:
  otlphttp/sre-copilot:
    endpoint: ${origin}
    headers:
      Authorization: Bearer ${key}

service:
  pipelines:
    metrics: { receivers: [otlp], exporters: [otlphttp/sre-copilot] }
    logs: { receivers: [otlp], exporters: [otlphttp/sre-copilot] }
    traces: { receivers: [otlp], exporters: [otlphttp/sre-copilot] }
`;
}

/** Promtail's clients; Grafana Alloy has the same two settings. */
export function lokiYaml(origin: string, key: string): string {
  return `clients:
  - url: ${origin}/loki/api/v1/push
    bearer_token: ${key}
`;
}

/** pino-loki, and winston-loki with the same options: they add Loki's path to `host` themselves. */
export function pinoLoki(origin: string, key: string): string {
  return `import pino from 'pino';

const transport = pino.transport({
  target: 'pino-loki',
  options: {
    host: '${origin}',
    headers: { Authorization: 'Bearer ${key}' },
    labels: { service_name: 'my-service' },
  },
});
const log = pino(transport);
`;
}

/** python-logging-loki takes the whole address, and no token but as the password of Basic. */
export function pythonLoki(origin: string, key: string): string {
  return `import logging
import logging_loki

log = logging.getLogger("my-service")
log.addHandler(logging_loki.LokiHandler(
    url="${origin}/loki/api/v1/push",
    auth=("any", "${key}"),
    tags={"service_name": "my-service"},
    version="1",
))
`;
}

/** One line in Loki's JSON; the time is the sender's, in nanoseconds. */
export function lokiCurl(origin: string, key: string): string {
  return `curl ${origin}/loki/api/v1/push \\
  -H 'Authorization: Bearer ${key}' \\
  -H 'Content-Type: application/json' \\
  -d '{"streams":[{"stream":{"service_name":"getting-started","level":"info"},"values":[["'$(date +%s)000000000'","The first line has arrived"]]}]}'
`;
}
