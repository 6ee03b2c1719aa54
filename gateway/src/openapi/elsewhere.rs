//! Operations that agents call and other crates serve, for readers of the document.

use access::permissions::Action;
use serde::Serialize;
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
    responses((status = 202, body = Received), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 413, body = Problem), (status = 503, body = Problem)))]
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
    responses((status = 204), (status = 400, body = String, content_type = "text/plain"),
        (status = 401, body = String, content_type = "text/plain"),
        (status = 413, body = String, content_type = "text/plain"),
        (status = 415, body = String, content_type = "text/plain"),
        (status = 429, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain")))]
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
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value),
        (status = 401, body = serde_json::Value), (status = 413, body = serde_json::Value),
        (status = 415, body = serde_json::Value), (status = 429, body = serde_json::Value),
        (status = 503, body = serde_json::Value)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn otlp_metrics() {}

/// Metrics as our own JSON
///
/// `{"metrics": [{"name", "labels", "type", "help", "unit", "value", "timestamp"}]}`;
/// `samples: [[milliseconds, value]]` in place of value and timestamp. 202 means that
/// what was accepted is in the log for good.
#[utoipa::path(post, path = "/api/v1/ingest/metrics", operation_id = "ingest_metrics",
    tag = "ingest", request_body = serde_json::Value,
    security(("bearer" = []), ("api_key" = [])),
    extensions(("x-action" = json!(Action::Ingest.name()))),
    responses((status = 202, body = Taken), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
#[expect(dead_code, reason = "crate ingest serves it; this is its description")]
fn ingest_metrics() {}

#[derive(OpenApi)]
#[openapi(paths(alertmanager_webhook, remote_write, otlp_metrics, ingest_metrics))]
struct Elsewhere;

pub(super) fn document() -> utoipa::openapi::OpenApi {
    Elsewhere::openapi()
}
