//! `/api/v1/webhooks/refused`: what this gateway did not take, so that whoever set
//! up a sender sees what it really sends.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Gateway;
use crate::operations::Allowed;

/// A body that was answered with 400.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedWebhook {
    /// `alertmanager`, ...
    pub integration: String,
    pub received_at: DateTime<Utc>,
    /// The field and the offence.
    pub reason: String,
    /// Its first 4,096 bytes; what is not UTF-8 is replaced.
    pub body: String,
    pub body_bytes: usize,
}

/// The last few of each integration.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedWebhooks {
    pub items: Vec<RefusedWebhook>,
}

/// Webhook bodies that were refused, newest first
///
/// At most five an integration, in memory of the gateway that was asked: they are
/// gone after a restart.
#[utoipa::path(get, path = "/api/v1/webhooks/refused", operation_id = "list_refused_webhooks", tag = "tenant",
    responses((status = 200, body = RefusedWebhooks)))]
pub async fn list(State(gateway): State<Gateway>, allowed: Allowed) -> Json<RefusedWebhooks> {
    let latest = gateway.refused.latest(allowed.scope());
    let items = latest
        .into_iter()
        .map(|(integration, refused)| RefusedWebhook {
            integration: integration.to_owned(),
            received_at: refused.at.datetime(),
            reason: refused.reason,
            body: String::from_utf8_lossy(&refused.body).into_owned(),
            body_bytes: refused.body_bytes,
        })
        .collect();
    Json(RefusedWebhooks { items })
}
