/** Alertmanager's webhook body, version 4, with one firing alert. */
export function firing(name: string, severity: string, summary: string) {
  const labels = { alertname: name, severity, service: 'checkout' };
  const annotations = { summary };
  return {
    version: '4',
    groupKey: `{}:{alertname="${name}"}`,
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'sre-copilot',
    groupLabels: { alertname: name },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: 'http://alertmanager.example.net:9093',
    alerts: [
      {
        status: 'firing',
        labels,
        annotations,
        startsAt: new Date().toISOString(),
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'http://prometheus.example.net:9090/graph',
        fingerprint: 'c0ffee0000000001',
      },
    ],
  };
}
