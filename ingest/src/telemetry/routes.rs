//! Where telemetry arrives: every path, what it reads, and how it answers.

use access::body::{self, BodyError, Encoding};
use access::permissions::Action;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use schemas::topic::Topic;

use super::dialect::{Dialect, ELASTIC, LOKI, NATIVE, OTLP, OTLP_GRPC, PROMETHEUS};
use crate::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Signal {
    Metrics,
    Logs,
    Traces,
}

impl Signal {
    /// What a key needs leave for to send it.
    pub(crate) fn action(self) -> Action {
        match self {
            Self::Metrics => Action::IngestMetrics,
            Self::Logs => Action::IngestLogs,
            Self::Traces => Action::IngestTraces,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }

    pub(crate) fn topic(self) -> Topic {
        match self {
            Self::Metrics => Topic::TelemetryMetrics,
            Self::Logs => Topic::TelemetryLogs,
            Self::Traces => Topic::TelemetryTraces,
        }
    }

    /// What its items are called in answers.
    pub(crate) fn items(self) -> &'static str {
        match self {
            Self::Metrics => "samples",
            Self::Logs => "log records",
            Self::Traces => "spans",
        }
    }
}

/// A content type that a route reads, and the format (`protocols::formats`) it means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BodyKind {
    pub(crate) media: &'static str,
    /// The content type's parameter `proto`; none where it is absent.
    pub(crate) proto: Option<&'static str>,
    pub(crate) format: &'static str,
    /// How a body is compressed that does not say.
    pub(crate) unsaid: Encoding,
}

/// One path.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) signal: Signal,
    /// The first is meant where a request has no content type.
    pub(crate) bodies: &'static [BodyKind],
    pub(crate) encodings: &'static [Encoding],
    pub(crate) dialect: Dialect,
    /// Whether clients may as well PUT.
    pub(crate) also_put: bool,
}

const fn body(media: &'static str, format: &'static str) -> BodyKind {
    BodyKind {
        media,
        proto: None,
        format,
        unsaid: Encoding::Identity,
    }
}

/// Always in snappy's block format, whether the request says so or not.
const fn snappy(media: &'static str, format: &'static str) -> BodyKind {
    BodyKind {
        unsaid: Encoding::Snappy,
        ..body(media, format)
    }
}

const fn proto(media: &'static str, proto: &'static str, format: &'static str) -> BodyKind {
    BodyKind {
        proto: Some(proto),
        ..snappy(media, format)
    }
}

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
/// What Elasticsearch's own clients call it since version 8.
const ELASTIC_NDJSON: &str = "application/vnd.elasticsearch+x-ndjson";
const ELASTIC_JSON: &str = "application/vnd.elasticsearch+json";
const GRPC: &str = "application/grpc";
const GRPC_PROTO: &str = "application/grpc+proto";
const USUAL: &[Encoding] = &[
    Encoding::Identity,
    Encoding::Gzip,
    Encoding::Deflate,
    Encoding::Zstd,
];

/// Clients differ in what they call it.
const BULK: &[BodyKind] = &[
    body(NDJSON, "elastic.bulk"),
    body(JSON, "elastic.bulk"),
    body(ELASTIC_NDJSON, "elastic.bulk"),
    body(ELASTIC_JSON, "elastic.bulk"),
];

const fn bulk(path: &'static str) -> Route {
    Route {
        path,
        signal: Signal::Logs,
        bodies: BULK,
        encodings: USUAL,
        dialect: ELASTIC,
        also_put: true,
    }
}

const REMOTE_WRITE: &[BodyKind] = &[
    snappy(PROTOBUF, "prometheus.remote_write.v1"),
    proto(
        PROTOBUF,
        "prometheus.WriteRequest",
        "prometheus.remote_write.v1",
    ),
    proto(
        PROTOBUF,
        "io.prometheus.write.v2.Request",
        "prometheus.remote_write.v2",
    ),
];

const fn remote_write(path: &'static str) -> Route {
    Route {
        path,
        signal: Signal::Metrics,
        bodies: REMOTE_WRITE,
        encodings: &[Encoding::Snappy],
        dialect: PROMETHEUS,
        also_put: false,
    }
}

const OTLP_METRICS: &[BodyKind] = &[
    body(PROTOBUF, "otlp.metrics.protobuf"),
    body(JSON, "otlp.metrics.json"),
];
const OTLP_LOGS: &[BodyKind] = &[
    body(PROTOBUF, "otlp.logs.protobuf"),
    body(JSON, "otlp.logs.json"),
];
const OTLP_TRACES: &[BodyKind] = &[
    body(PROTOBUF, "otlp.spans.protobuf"),
    body(JSON, "otlp.spans.json"),
];

/// Also beneath `/otlp`, where Loki, Mimir and their like take it.
const fn otlp(path: &'static str, signal: Signal, bodies: &'static [BodyKind]) -> Route {
    Route {
        path,
        signal,
        bodies,
        encodings: USUAL,
        dialect: OTLP,
        also_put: false,
    }
}

/// The registry: one row a path.
pub(crate) const ROUTES: &[Route] = &[
    remote_write("/api/v1/write"),
    // Beneath the base at which Prometheus' own API is asked.
    remote_write("/prometheus/api/v1/write"),
    // Mimir's and Cortex's address.
    remote_write("/api/v1/push"),
    otlp("/v1/metrics", Signal::Metrics, OTLP_METRICS),
    otlp("/otlp/v1/metrics", Signal::Metrics, OTLP_METRICS),
    // Prometheus' own.
    otlp("/api/v1/otlp/v1/metrics", Signal::Metrics, OTLP_METRICS),
    Route {
        path: "/api/v1/ingest/metrics",
        signal: Signal::Metrics,
        bodies: &[body(JSON, "native.metrics.json")],
        encodings: USUAL,
        dialect: NATIVE,
        also_put: false,
    },
    otlp("/v1/logs", Signal::Logs, OTLP_LOGS),
    otlp("/otlp/v1/logs", Signal::Logs, OTLP_LOGS),
    Route {
        path: "/loki/api/v1/push",
        signal: Signal::Logs,
        bodies: &[
            snappy(PROTOBUF, "loki.push.protobuf"),
            body(JSON, "loki.push.json"),
        ],
        encodings: &Encoding::ALL,
        dialect: LOKI,
        also_put: false,
    },
    bulk("/_bulk"),
    bulk("/elastic/_bulk"),
    bulk("/elastic/{index}/_bulk"),
    Route {
        path: "/api/v1/ingest/logs",
        signal: Signal::Logs,
        bodies: &[
            body(JSON, "native.logs.json"),
            body(NDJSON, "native.logs.json"),
        ],
        encodings: USUAL,
        dialect: NATIVE,
        also_put: false,
    },
    otlp("/v1/traces", Signal::Traces, OTLP_TRACES),
    otlp("/otlp/v1/traces", Signal::Traces, OTLP_TRACES),
    Route {
        path: "/api/v1/ingest/traces",
        signal: Signal::Traces,
        bodies: &[
            body(JSON, "native.spans.json"),
            body(NDJSON, "native.spans.json"),
        ],
        encodings: USUAL,
        dialect: NATIVE,
        also_put: false,
    },
];

const fn call(path: &'static str, signal: Signal, bodies: &'static [BodyKind]) -> Route {
    Route {
        path,
        signal,
        bodies,
        encodings: USUAL,
        dialect: OTLP_GRPC,
        also_put: false,
    }
}

/// OTLP/gRPC: one row a call.
pub(crate) const CALLS: &[Route] = &[
    call(
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Metrics,
        &[
            body(GRPC, "otlp.metrics.protobuf"),
            body(GRPC_PROTO, "otlp.metrics.protobuf"),
        ],
    ),
    call(
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Logs,
        &[
            body(GRPC, "otlp.logs.protobuf"),
            body(GRPC_PROTO, "otlp.logs.protobuf"),
        ],
    ),
    call(
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Traces,
        &[
            body(GRPC, "otlp.spans.protobuf"),
            body(GRPC_PROTO, "otlp.spans.protobuf"),
        ],
    ),
];

impl Route {
    /// What a request's content type means.
    pub(crate) fn kind(&'static self, headers: &HeaderMap) -> Result<&'static BodyKind, Refusal> {
        let Some(value) = headers.get(CONTENT_TYPE) else {
            return Ok(&self.bodies[0]);
        };
        let text = value.to_str().unwrap_or("?");
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let proto = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let named = name.trim().eq_ignore_ascii_case("proto");
            named.then(|| value.trim().trim_matches('"'))
        });
        let mut kinds = self.bodies.iter();
        let found =
            kinds.find(|kind| kind.media.eq_ignore_ascii_case(media) && kind.proto == proto);
        found.ok_or_else(|| Refusal::UnsupportedType {
            sent: text.to_owned(),
            known: self.kinds(),
        })
    }

    /// What people read too, for who has not sent a body by which to know better.
    pub(crate) fn readable(&self) -> &'static BodyKind {
        let json = self.bodies.iter().find(|kind| kind.media == JSON);
        json.unwrap_or(&self.bodies[0])
    }

    /// The content types that there are, as they are written.
    fn kinds(&self) -> String {
        let written = |kind: &BodyKind| match kind.proto {
            Some(proto) => format!("{};proto={proto}", kind.media),
            None => kind.media.to_owned(),
        };
        let all: Vec<String> = self.bodies.iter().map(written).collect();
        all.join(", ")
    }

    pub(crate) fn encoding(
        &self,
        kind: &BodyKind,
        headers: &HeaderMap,
    ) -> Result<Encoding, Refusal> {
        if !headers.contains_key(CONTENT_ENCODING) {
            return Ok(kind.unsaid);
        }
        let encoding = body::encoding(headers)?;
        match self.encodings.contains(&encoding) {
            true => Ok(encoding),
            false => Err(BodyError::UnsupportedEncoding(encoding.name().to_owned()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::walk::Decoder;

    #[test]
    fn every_row_names_a_format_that_exists() {
        for route in ROUTES.iter().chain(CALLS) {
            for kind in route.bodies {
                let found = Decoder::find(route.signal, kind.format);
                assert!(found.is_some(), "{} {}", route.path, kind.format);
            }
        }
    }

    #[test]
    fn the_content_type_names_the_version() {
        let write = &ROUTES[0];
        let format = |value: &str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
            write.kind(&headers).ok().map(|kind| kind.format)
        };
        assert_eq!(
            format("application/x-protobuf"),
            Some("prometheus.remote_write.v1")
        );
        assert_eq!(
            format("application/x-protobuf; proto=io.prometheus.write.v2.Request"),
            Some("prometheus.remote_write.v2")
        );
        assert_eq!(format("application/x-protobuf;proto=other"), None);
        assert_eq!(format("application/json"), None);
    }
}
