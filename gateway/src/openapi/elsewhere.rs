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

#[derive(OpenApi)]
#[openapi(paths(alertmanager_webhook))]
struct Elsewhere;

pub(super) fn document() -> utoipa::openapi::OpenApi {
    Elsewhere::openapi()
}
