//! `POST /api/v1/auth/leave`: going by oneself, and what a membership leaves behind.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::members;
use schemas::context::Context;
use schemas::ids::{TenantId, UserId};
use schemas::tenant::{RemoveMember, TenantCommand};
use schemas::topic::Topic;

use super::session::nobody_yet;
use super::vault::{logins, sign_on_identities};
use super::{cookies, ending, invitation, second_factor};
use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::request::{Asked, NoFields};

/// Leave the tenant
///
/// Ends the caller's sessions there. The last owner stays.
#[utoipa::path(post, path = "/api/v1/auth/leave", operation_id = "leave_tenant", tag = "auth",
    responses((status = 204), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
pub async fn leave(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<Option<NoFields>>,
) -> Result<Response, Error> {
    let (user, scope) = (allowed.person()?, allowed.scope());
    let mut withdrawn = 0;
    if let Some(own) = members::get(&gateway.db, &gateway.people(), scope, user).await? {
        let question = &asked.question;
        withdrawn = invitation::withdraw(&gateway, scope, question, &own.email, None).await?;
    }
    let context = Context::ambient(&gateway.clock);
    let question = invitation::after(&asked.question, withdrawn);
    let command = Command::new(scope, &question, &context);
    let message = TenantCommand::from(RemoveMember { user });
    let (topic, tenant) = (Topic::IdentityCommands, scope.tenant());
    let settled = gateway.send(&command, topic, tenant, message).await?;
    gateway.shown(&settled, &["members"]).await?;
    after(&gateway, tenant, user).await?;
    let cleared = cookies::clear(&gateway.config.public_url);
    Ok((StatusCode::NO_CONTENT, cleared).into_response())
}

/// What follows when somebody has left a tenant: the sessions there end, and the
/// account goes on in another tenant or is gone, its address free again.
pub async fn after(gateway: &Gateway, tenant: TenantId, user: UserId) -> Result<(), Error> {
    ending::membership(gateway, tenant, user).await?;
    sign_on_identities::forget(&gateway.db, tenant, user).await?;
    let scope = nobody_yet(tenant, user).scope();
    let left = members::of_person(&gateway.db, &scope).await?;
    let other = left.into_iter().find(|other| other.id != tenant.0);
    if other.is_none() {
        second_factor::remove(gateway, user).await?;
    }
    let other = other.map(|other| TenantId(other.id));
    logins::leave(&gateway.db, tenant, user, other).await
}
