"""Sends ITEMS of every signal through the OpenTelemetry SDK: over HTTP once as it comes
and once gzipped, over gRPC the same, and counters as deltas; ITEMS lines through
python-logging-loki and through syslog. Arguments: BASE KEY ITEMS GRPC_PORT SYSLOG_PORT."""

import logging
import logging.handlers
import socket
import sys
import time

import grpc
import logging_loki
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (
    OTLPLogExporter as GrpcLogExporter,
)
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcMetricExporter,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

base, key, items = sys.argv[1], sys.argv[2], int(sys.argv[3])
grpc_port, syslog_port = sys.argv[4], int(sys.argv[5])
headers = {"Authorization": f"Bearer {key}"}


def send(service, spans, records, points):
    """With an exporter of each signal."""
    resource = Resource.create({"service.name": service})

    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(spans))
    tracer = traces.get_tracer("sdks")
    for n in range(items):
        with tracer.start_as_current_span("work", attributes={"n": n}):
            pass
    traces.shutdown()

    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(records))
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

    metrics = meters(resource, points)
    counter = metrics.get_meter("sdks").create_counter("sdk.items")
    for n in range(items):
        counter.add(1, {"n": n})
    metrics.shutdown()


def meters(resource, exporter):
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    return MeterProvider(resource=resource, metric_readers=[reader])


def over_http(compression):
    options = {"headers": headers, "compression": compression}
    return (
        OTLPSpanExporter(endpoint=f"{base}/v1/traces", **options),
        OTLPLogExporter(endpoint=f"{base}/v1/logs", **options),
        OTLPMetricExporter(endpoint=f"{base}/v1/metrics", **options),
    )


def over_grpc(compression):
    options = {
        "endpoint": f"http://127.0.0.1:{grpc_port}",
        "insecure": True,
        "headers": (("authorization", f"Bearer {key}"),),
        "compression": compression,
    }
    return GrpcSpanExporter(**options), GrpcLogExporter(**options), GrpcMetricExporter(**options)


def send_deltas(service):
    """Three exports of what came since the one before."""
    delta = AggregationTemporality.DELTA
    exporter = OTLPMetricExporter(
        endpoint=f"{base}/v1/metrics",
        headers=headers,
        preferred_temporality={Counter: delta, Histogram: delta},
    )
    metrics = meters(Resource.create({"service.name": service}), exporter)
    meter = metrics.get_meter("sdks")
    counter, histogram = meter.create_counter("sdk.added"), meter.create_histogram("sdk.took")
    for added in (1, 2, 4):
        for n in range(items):
            counter.add(added, {"n": n})
            histogram.record(added, {"n": n})
        metrics.force_flush()
    metrics.shutdown()


def send_syslog(service):
    """RFC 5424 as the standard library sends it over TCP: a NUL behind each message."""
    handler = logging.handlers.SysLogHandler(
        address=("127.0.0.1", syslog_port), socktype=socket.SOCK_STREAM
    )
    keyed = f'1 %(asctime)s localhost {service} %(process)d - [srec@32473 key="{key}"] %(message)s'
    formatter = logging.Formatter(keyed, datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log(handler)
    handler.close()


def log(handler):
    logger = logging.getLogger("sdks")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    for n in range(items):
        logger.error("item %d of the sdk", n)
    logger.removeHandler(handler)


send("python-plain", *over_http(Compression.NoCompression))
send("python-gzip", *over_http(Compression.Gzip))
send("python-grpc", *over_grpc(grpc.Compression.NoCompression))
send("python-grpc-gzip", *over_grpc(grpc.Compression.Gzip))
send_deltas("python-delta")
send_syslog("python-syslog")
log(
    logging_loki.LokiHandler(
        url=f"{base}/loki/api/v1/push",
        tags={"service": "python-loki"},
        auth=("agent", key),
        version="1",
    )
)
