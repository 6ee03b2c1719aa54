import { SegmentedControl, Stack } from '@mantine/core';
import { useState } from 'react';
import { CodeBlock } from '../ui/CodeBlock';
import {
  alertmanagerYaml, collectorYaml, curlCommand, lokiCurl, lokiYaml, otlpEnvironment, pinoLoki, prometheusYaml, pythonLoki,
  remoteWriteYaml, ruleYaml,
} from '../util/snippets';

/** What can be sent here. */
export type Sent = 'alerts' | 'metrics' | 'logs' | 'traces';

interface Way {
  label: string;
  /** What to do with the files. */
  text: React.ReactNode;
  files: (origin: string, key: string) => readonly [name: string, text: string][];
}

const OTEL_ENVIRONMENT: Way = {
  label: 'OpenTelemetry SDK',
  text: 'For an application with an OpenTelemetry SDK or agent: set these where it runs, and restart it. Metrics, logs and traces arrive together.',
  files: (origin, key) => [['Environment', otlpEnvironment(origin, key)]],
};

const COLLECTOR: Way = {
  label: 'OpenTelemetry Collector',
  text: 'One exporter for all three signals; merge it into the Collector’s file.',
  files: (origin, key) => [['config.yaml', collectorYaml(origin, key)]],
};

const WAYS: Record<Sent, readonly Way[]> = {
  alerts: [
    {
      label: 'Alertmanager',
      text: (
        <>
          Merge it into your file and reload: <code className="mono">curl -X POST http://localhost:9093/-/reload</code>
        </>
      ),
      files: (origin, key) => [['alertmanager.yml', alertmanagerYaml(origin, key)]],
    },
    {
      label: 'Prometheus',
      text: 'No rules yet? These two files send one alert that fires at once, through the Alertmanager on this machine.',
      files: () => [['prometheus.yml', prometheusYaml()], ['sre-copilot-rules.yml', ruleYaml()]],
    },
    { label: 'curl', text: 'Sends what Alertmanager would send, once.', files: (origin, key) => [['Terminal', curlCommand(origin, key)]] },
  ],
  metrics: [
    {
      label: 'Prometheus',
      text: (
        <>
          Merge it into your file and reload: <code className="mono">systemctl reload prometheus</code>, or{' '}
          <code className="mono">curl -X POST http://localhost:9090/-/reload</code> where it was started with{' '}
          <code className="mono">--web.enable-lifecycle</code>. Grafana Alloy, VictoriaMetrics’ vmagent and Telegraf speak remote write as well.
        </>
      ),
      files: (origin, key) => [['prometheus.yml', remoteWriteYaml(origin, key)]],
    },
    OTEL_ENVIRONMENT,
    COLLECTOR,
  ],
  logs: [
    OTEL_ENVIRONMENT,
    {
      label: 'Loki clients',
      text: 'One of the three. Grafana Alloy takes the address and token of Promtail, Vector the address without its path; winston-loki has the options of pino-loki.',
      files: (origin, key) => [
        ['promtail.yml', lokiYaml(origin, key)],
        ['Node: pino-loki', pinoLoki(origin, key)],
        ['Python: python-logging-loki', pythonLoki(origin, key)],
      ],
    },
    { label: 'curl', text: 'Sends one line now.', files: (origin, key) => [['Terminal', lokiCurl(origin, key)]] },
  ],
  traces: [OTEL_ENVIRONMENT, COLLECTOR],
};

/** The files that point an agent at this project, with the project's real address and, once there is one, the key. */
export function Snippets({ sent, apiKey }: { sent: Sent; apiKey: string | undefined }) {
  const ways = WAYS[sent];
  const [chosen, setChosen] = useState(0);
  const way = ways[chosen] ?? ways[0];
  if (!way) return null;
  return (
    <Stack gap="sm">
      <SegmentedControl
        size="xs"
        w="fit-content"
        maw="100%"
        aria-label="What to configure"
        value={String(ways.indexOf(way))}
        onChange={(value) => setChosen(Number(value))}
        data={ways.map(({ label }, index) => ({ value: String(index), label }))}
      />
      {way.files(window.location.origin, apiKey ?? '<create the key first>').map(([name, text]) => (
        <CodeBlock key={name} name={name} text={text} />
      ))}
      <p className="dim" style={{ margin: 0 }}>
        {way.text}
      </p>
    </Stack>
  );
}
