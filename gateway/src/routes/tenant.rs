//! `/api/v1/tenant`: the caller's own tenant.

pub mod erasure;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use projections::projects::{self, Tenant};
use schemas::context::Context;
use schemas::tenant::{RenameTenant, TenantCommand};
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::etag;
use crate::operations::Allowed;
use crate::request::Asked;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RenameTenant)]
pub struct Rename {
    #[schema(example = "Acme Ltd")]
    pub name: String,
}

/// The tenant
///
/// Its name, and whether it is to be erased. The `ETag` is of the whole tenant, its
/// projects, members and invitations included.
#[utoipa::path(get, path = "/api/v1/tenant", operation_id = "get_tenant", tag = "tenant",
    responses((status = 200, body = Tenant)))]
pub async fn get(State(gateway): State<Gateway>, allowed: Allowed) -> Result<Response, Error> {
    let found = projects::tenant(&gateway.db, allowed.scope()).await?;
    let tenant = found.ok_or(Error::NotFound)?;
    Ok((etag::header(tenant.version), Json(tenant)).into_response())
}

/// Rename the tenant
#[utoipa::path(patch, path = "/api/v1/tenant", operation_id = "rename_tenant", tag = "tenant",
    request_body = Rename,
    responses((status = 200, body = Tenant), (status = 202, body = Pending), (status = 422, body = Problem)))]
pub async fn rename(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<Rename>,
) -> Result<Response, Error> {
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let name = asked.body.name.trim().to_owned();
    let message = TenantCommand::from(RenameTenant { name });
    let (topic, tenant) = (Topic::IdentityCommands, scope.tenant());
    let settled = gateway.send(&command, topic, tenant, message).await?;
    gateway.shown(&settled, &["projects"]).await?;
    let found = projects::tenant(&gateway.db, scope).await?;
    let tenant = found.ok_or(Error::NotYet(settled.command))?;
    Ok((etag::header(settled.version), Json(tenant)).into_response())
}
