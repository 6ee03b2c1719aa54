"""Sends ITEMS of every signal through the OpenTelemetry SDK, once as it comes and once
gzipped, and ITEMS lines through python-logging-loki. Arguments: BASE KEY ITEMS."""

import logging
import sys

import logging_loki
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

base, key, items = sys.argv[1], sys.argv[2], int(sys.argv[3])
headers = {"Authorization": f"Bearer {key}"}


def send(service, compression):
    resource = Resource.create({"service.name": service})
    options = {"headers": headers, "compression": compression}

    traces = TracerProvider(resource=resource)
    traces.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces", **options))
    )
    tracer = traces.get_tracer("sdks")
    for n in range(items):
        with tracer.start_as_current_span("work", attributes={"n": n}):
            pass
    traces.shutdown()

    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{base}/v1/logs", **options))
    )
    logger = logs.get_logger("sdks")
    for n in range(items):
        logger.emit(
            LogRecord(
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                body=f"item {n} of the sdk",
                attributes={"n": n},
            )
        )
    logs.shutdown()

    exporter = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", **options)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    metrics = MeterProvider(resource=resource, metric_readers=[reader])
    counter = metrics.get_meter("sdks").create_counter("sdk.items")
    for n in range(items):
        counter.add(1, {"n": n})
    metrics.shutdown()


send("python-plain", Compression.NoCompression)
send("python-gzip", Compression.Gzip)

loki = logging_loki.LokiHandler(
    url=f"{base}/loki/api/v1/push",
    tags={"service": "python-loki"},
    auth=("agent", key),
    version="1",
)
logger = logging.getLogger("sdks")
logger.setLevel(logging.INFO)
logger.addHandler(loki)
for n in range(items):
    logger.error("item %d of the sdk", n)
