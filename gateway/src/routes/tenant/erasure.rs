//! `/api/v1/tenant/erasure`: the end of a tenant, asked for and called off.

use axum::Json;
use axum::extract::State;
use projections::projects::{self, Tenant};
use schemas::context::Context;
use schemas::tenant::{AskTenantErasure, CallOffTenantErasure, TenantCommand};
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Gateway;
use crate::auth::proof;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::request::Asked;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskTenantErasure)]
pub struct Ask {
    /// The tenant's name, typed to the letter.
    #[schema(example = "Acme")]
    pub name: String,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallOffTenantErasure)]
pub struct CallOff {
    #[serde(default)]
    #[schema(example = "asked by mistake")]
    pub reason: Option<String>,
}

/// Ask for the tenant's erasure
///
/// Everything goes on until the grace of this deployment is over, and any owner can call
/// it off. Then all of the tenant is gone for ever: what it sent, what was done with it,
/// its keys and its members' names; accounts that belong to no other tenant go with it.
/// Needs a person with a fresh proof.
#[utoipa::path(post, path = "/api/v1/tenant/erasure", operation_id = "ask_tenant_erasure", tag = "tenant",
    request_body = Ask,
    responses((status = 200, body = Tenant), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn ask(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<Ask>,
) -> Result<Json<Tenant>, Error> {
    allowed.person()?;
    proof::needed(&gateway, &allowed).await?;
    let context = Context::ambient(&gateway.clock);
    let grace = i64::try_from(gateway.config.tenant_erasure_grace.as_millis());
    let due_at = context.now().plus_millis(grace.unwrap_or(i64::MAX));
    let name = asked.body.name.trim().to_owned();
    let command = Command::new(allowed.scope(), &asked.question, &context);
    send(
        &gateway,
        &allowed,
        &command,
        AskTenantErasure { name, due_at },
    )
    .await
}

/// Call the tenant's erasure off
///
/// Any owner can, until it is carried out.
#[utoipa::path(post, path = "/api/v1/tenant/erasure/call-off", operation_id = "call_off_tenant_erasure", tag = "tenant",
    request_body = CallOff,
    responses((status = 200, body = Tenant), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn call_off(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<CallOff>,
) -> Result<Json<Tenant>, Error> {
    allowed.person()?;
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(allowed.scope(), &asked.question, &context);
    let reason = asked.body.reason.map(|reason| reason.trim().to_owned());
    let reason = reason.filter(|reason| !reason.is_empty());
    send(
        &gateway,
        &allowed,
        &command,
        CallOffTenantErasure { reason },
    )
    .await
}

async fn send(
    gateway: &Gateway,
    allowed: &Allowed,
    command: &Command,
    message: impl Into<TenantCommand>,
) -> Result<Json<Tenant>, Error> {
    let (scope, topic) = (allowed.scope(), Topic::IdentityCommands);
    let message: TenantCommand = message.into();
    let settled = gateway
        .send(command, topic, scope.tenant(), message)
        .await?;
    gateway.shown(&settled, &["projects"]).await?;
    let found = projects::tenant(&gateway.db, scope).await?;
    found.map(Json).ok_or(Error::NotYet(settled.command))
}
