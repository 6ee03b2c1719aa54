// Sends ITEMS of every signal through the OpenTelemetry SDK as JSON, once as it comes and
// once gzipped, and ITEMS lines through pino-loki. Arguments: BASE KEY ITEMS.

import { ROOT_CONTEXT } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import pino from 'pino';

const [base, key, count] = process.argv.slice(2);
const items = Number(count);
const headers = { Authorization: `Bearer ${key}` };

async function send(service, compression) {
  const resource = resourceFromAttributes({ 'service.name': service });
  const exporter = (Exporter, signal) => new Exporter({ url: `${base}/v1/${signal}`, headers, compression });

  const traces = new BasicTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(exporter(OTLPTraceExporter, 'traces'))],
  });
  for (let n = 0; n < items; n += 1) {
    traces.getTracer('sdks').startSpan('work', { attributes: { n } }, ROOT_CONTEXT).end();
  }
  await traces.forceFlush();
  await traces.shutdown();

  const logs = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: exporter(OTLPLogExporter, 'logs') })],
  });
  for (let n = 0; n < items; n += 1) {
    logs.getLogger('sdks').emit({ severityNumber: 13, severityText: 'WARN', body: `item ${n} of the sdk`, attributes: { n } });
  }
  await logs.forceFlush();
  await logs.shutdown();

  const reader = new PeriodicExportingMetricReader({
    exporter: exporter(OTLPMetricExporter, 'metrics'),
    exportIntervalMillis: 60_000,
  });
  const metrics = new MeterProvider({ resource, readers: [reader] });
  const counter = metrics.getMeter('sdks').createCounter('sdk.items');
  for (let n = 0; n < items; n += 1) counter.add(1, { n });
  await metrics.forceFlush();
  await metrics.shutdown();
}

await send('node-plain', 'none');
await send('node-gzip', 'gzip');

const transport = pino.transport({
  target: 'pino-loki',
  options: {
    host: base,
    headers: { Authorization: `Bearer ${key}` },
    labels: { service: 'node-loki' },
    batching: { interval: 1 },
  },
});
const log = pino(transport);
for (let n = 0; n < items; n += 1) log.error(`item ${n} of the sdk`);
await new Promise((resolve) => log.flush(resolve));
transport.end();
