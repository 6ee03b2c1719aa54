//! `/api/v1/audit/retention`: for how long a tenant keeps its entries.

use axum::Json;
use axum::extract::State;
use projections::audit;
use schemas::audit_policy::{AuditPolicyCommand, SetAuditRetention};
use schemas::context::Context;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Gateway;
use crate::auth::proof;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::request::Asked;

/// What is older than this is removed from the beginning of the chain.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditRetention {
    /// 30 to 400; 400 unless it was set.
    #[schema(example = 365, minimum = 30, maximum = 400)]
    pub days: i32,
}

/// For how many days audit entries are kept
#[utoipa::path(get, path = "/api/v1/audit/retention", operation_id = "get_audit_retention", tag = "audit",
    responses((status = 200, body = AuditRetention)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<AuditRetention>, Error> {
    let days = audit::retention_days(&gateway.db, allowed.scope()).await?;
    Ok(Json(AuditRetention { days }))
}

/// Set for how many days audit entries are kept
///
/// Entries that are older then are removed, and stay so. The audit cannot be switched off.
/// Needs a fresh proof: whoever holds somebody's session could take its traces away.
#[utoipa::path(put, path = "/api/v1/audit/retention", operation_id = "set_audit_retention", tag = "audit",
    request_body = AuditRetention,
    responses((status = 200, body = AuditRetention), (status = 202, body = Pending),
        (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn set(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<AuditRetention>,
) -> Result<Json<AuditRetention>, Error> {
    proof::needed(&gateway, &allowed).await?;
    let scope = allowed.scope();
    let days = asked.body.days;
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let message = AuditPolicyCommand::from(SetAuditRetention { days });
    let policy = Uuid::new_v5(&scope.tenant().0, b"audit policy");
    gateway
        .send(&command, Topic::IdentityCommands, policy, message)
        .await?;
    Ok(Json(AuditRetention { days }))
}
