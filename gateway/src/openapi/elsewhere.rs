//! Operations that agents call and other crates serve, for readers of the document.

use access::permissions::Action;
use serde::Serialize;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::error::Problem;

/// A webhook that is in the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Received {
    pub(crate) id: Uuid,
}

/// Alerts of an Alertmanager
///
/// Takes Alertmanager's webhook payload, version 4. The key needs the scope `ingest`
/// and may also be the password of Basic authentication. 202 means that the body is
/// in the log for good.
#[utoipa::path(post, path = "/api/v1/webhooks/alertmanager", operation_id = "alertmanager_webhook",
    tag = "ingest", request_body = serde_json::Value,
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 202, body = Received), (status = 400, body = Problem)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn alertmanager_webhook() {}

/// What our own JSON is answered with.
#[derive(Serialize, ToSchema)]
pub(crate) struct Taken {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// Why, for the first of the refused.
    pub(crate) reason: Option<String>,
}

/// Prometheus remote write
///
/// Versions 1.0 (`prometheus.WriteRequest`, also without `proto`) and 2.0
/// (`proto=io.prometheus.write.v2.Request`), snappy in blocks. Errors are text. 400
/// names what was refused; samples beside it are in the log.
#[utoipa::path(post, path = "/api/v1/write", operation_id = "remote_write", tag = "ingest",
    request_body(content = Vec<u8>, content_type = "application/x-protobuf"),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 204), (status = 400, body = String, content_type = "text/plain")))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn remote_write() {}

/// Metrics over OTLP/HTTP
///
/// `ExportMetricsServiceRequest` as protobuf or JSON; gzip, zstd or deflate. What was
/// refused is told as partial success, errors as `google.rpc.Status`, both in the
/// encoding of the request.
#[utoipa::path(post, path = "/v1/metrics", operation_id = "otlp_metrics", tag = "ingest",
    request_body(content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
        (status = 400, content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf")))))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn otlp_metrics() {}

/// Metrics as our own JSON
///
/// `{"metrics": [{"name", "labels", "type", "help", "unit", "value", "timestamp"}]}`;
/// `samples: [[time, value]]` in place of value and timestamp; or only the list. Times are
/// milliseconds since 1970 or RFC 3339; a value without one is of its arrival.
/// 202 means that what was accepted is in the log for good. A body that is sent again counts
/// once where its values have times, or where it has the same `Idempotency-Key`.
#[utoipa::path(post, path = "/api/v1/ingest/metrics", operation_id = "ingest_metrics",
    tag = "ingest", request_body = serde_json::Value,
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 202, body = Taken), (status = 400, body = Problem)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn ingest_metrics() {}

/// Logs over OTLP/HTTP
///
/// `ExportLogsServiceRequest` as protobuf or JSON; gzip, zstd or deflate. Answers as
/// metrics do.
#[utoipa::path(post, path = "/v1/logs", operation_id = "otlp_logs", tag = "ingest",
    request_body(content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
        (status = 400, content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf")))))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn otlp_logs() {}

/// Logs of Loki clients
///
/// `PushRequest` as protobuf in snappy, or JSON, both with structured metadata. Errors
/// are text. 400 names what was refused; lines beside it are in the log.
#[utoipa::path(post, path = "/loki/api/v1/push", operation_id = "loki_push", tag = "ingest",
    request_body(content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 204), (status = 400, body = String, content_type = "text/plain")))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn loki_push() {}

/// Logs in bulk
///
/// Elasticsearch's `_bulk` with the actions `index` and `create`: answers for each
/// action, in their order. An action's `_index` becomes a field of its record.
#[utoipa::path(post, path = "/elastic/_bulk", operation_id = "elastic_bulk", tag = "ingest",
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn elastic_bulk() {}

/// Logs in bulk, of one index
///
/// The same; documents whose action names no index are of this one.
#[utoipa::path(post, path = "/elastic/{index}/_bulk", operation_id = "elastic_index_bulk", tag = "ingest",
    params(("index" = String, Path, description = "Where an action names none; it becomes the field `_index`", example = "logs-shop")),
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn elastic_index_bulk() {}

/// Which server this is
///
/// What Elasticsearch's clients ask before they send. It counts like what is sent.
#[utoipa::path(get, path = "/elastic/", operation_id = "elastic_root", tag = "ingest",
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn elastic_root() {}

/// Whether the server is well
///
/// As Elasticsearch's clients ask for it.
#[utoipa::path(get, path = "/elastic/_cluster/health", operation_id = "elastic_health", tag = "ingest",
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn elastic_health() {}

/// Whether the server may be used
///
/// As Logstash asks for it: the licence `basic`, active. Whatever else is asked below
/// `/elastic` is 404 in Elasticsearch's words.
#[utoipa::path(get, path = "/elastic/_license", operation_id = "elastic_license", tag = "ingest",
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn elastic_license() {}

/// Logs as our own JSON
///
/// `{"logs": [{"message", "timestamp", "level", "service", "trace_id", "span_id",
/// "attributes": {}}]}`, all but the message optional; or only the list, or one record a
/// line. 202 means that what was accepted is in the log for good. A body that is sent again
/// counts once where its records have times, or where it has the same `Idempotency-Key`.
#[utoipa::path(post, path = "/api/v1/ingest/logs", operation_id = "ingest_logs", tag = "ingest",
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 202, body = Taken), (status = 400, body = Problem)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn ingest_logs() {}

/// Traces over OTLP/HTTP
///
/// `ExportTraceServiceRequest` as protobuf or JSON; gzip, zstd or deflate. Answers as
/// metrics do.
#[utoipa::path(post, path = "/v1/traces", operation_id = "otlp_traces", tag = "ingest",
    request_body(content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 200, content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
        (status = 400, content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf")))))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn otlp_traces() {}

/// Traces as our own JSON
///
/// `{"spans": [{"trace_id", "span_id", "parent_id", "name", "service", "kind", "start",
/// "end" or "duration_ms", "status", "attributes": {}, "events"}]}`, or only the list, or
/// one span a line. 202 means that what was accepted is in the log for good.
#[utoipa::path(post, path = "/api/v1/ingest/traces", operation_id = "ingest_traces", tag = "ingest",
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 202, body = Taken), (status = 400, body = Problem)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn ingest_traces() {}

#[derive(OpenApi)]
#[openapi(paths(
    alertmanager_webhook,
    remote_write,
    otlp_metrics,
    ingest_metrics,
    otlp_logs,
    loki_push,
    elastic_bulk,
    elastic_index_bulk,
    elastic_root,
    elastic_health,
    elastic_license,
    ingest_logs,
    otlp_traces,
    ingest_traces
))]
struct Elsewhere;

/// The same at an address of others, for agents that are only given another host.
struct Also {
    at: &'static str,
    as_at: &'static str,
    operation_id: &'static str,
    /// Ends the sentence that begins with what it is.
    where_from: &'static str,
}

const ALSO: [Also; 7] = [
    Also {
        at: "/prometheus/api/v1/write",
        as_at: "/api/v1/write",
        operation_id: "prometheus_remote_write",
        where_from: "beneath the base of Prometheus' API",
    },
    Also {
        at: "/api/v1/push",
        as_at: "/api/v1/write",
        operation_id: "mimir_push",
        where_from: "where Mimir and Cortex take it",
    },
    Also {
        at: "/otlp/v1/metrics",
        as_at: "/v1/metrics",
        operation_id: "otlp_base_metrics",
        where_from: "where Mimir and its like take it",
    },
    Also {
        at: "/api/v1/otlp/v1/metrics",
        as_at: "/v1/metrics",
        operation_id: "prometheus_otlp_metrics",
        where_from: "where Prometheus takes it",
    },
    Also {
        at: "/otlp/v1/logs",
        as_at: "/v1/logs",
        operation_id: "otlp_base_logs",
        where_from: "where Loki and its like take it",
    },
    Also {
        at: "/otlp/v1/traces",
        as_at: "/v1/traces",
        operation_id: "otlp_base_traces",
        where_from: "where Tempo and its like take it",
    },
    Also {
        at: "/_bulk",
        as_at: "/elastic/_bulk",
        operation_id: "bulk",
        where_from: "at Elasticsearch's own address",
    },
];

/// What Elasticsearch's clients may also send by PUT, and the operation's id.
const BY_PUT: [(&str, &str); 2] = [
    ("/elastic/_bulk", "elastic_bulk_put"),
    ("/elastic/{index}/_bulk", "elastic_index_bulk_put"),
];

pub(super) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Elsewhere::openapi();
    let paths = &mut document.paths.paths;
    for also in ALSO {
        let posted = paths.get(also.as_at).and_then(|item| item.post.as_ref());
        let post = posted.map(|post| {
            let description = format!("As at `{}`.", also.as_at);
            like(post, also.operation_id, also.where_from, description)
        });
        let mut item = PathItem::default();
        item.post = post;
        paths.insert(also.at.to_owned(), item);
    }
    for (path, operation_id) in BY_PUT {
        if let Some(item) = paths.get_mut(path) {
            let put = |post| like(post, operation_id, "by PUT", "As by POST.".to_owned());
            item.put = item.post.as_ref().map(put);
        }
    }
    document
}

fn like(operation: &Operation, id: &str, aside: &str, description: String) -> Operation {
    let summary = operation.summary.as_deref().unwrap_or_default();
    let mut like = operation.clone();
    like.operation_id = Some(id.to_owned());
    like.summary = Some(format!("{summary}, {aside}"));
    like.description = Some(description);
    like
}
