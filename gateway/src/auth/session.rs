//! A session as its holder gets it: an access token, a refresh token, two cookies.

use access::token::{LIFETIME_S, Subject};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::members::{self, Member};
use projections::projects;
use schemas::context::Context;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::scope::MemberRole;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cookies;
use super::vault::refresh_tokens::{self, Holder};
use crate::Gateway;
use crate::error::Error;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct User {
    pub id: Uuid,
    pub email: String,
    pub name: String,
}

/// The answer to register, login and refresh. The cookies carry the same tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    pub refresh_token: Option<String>,
    pub tenant_id: Uuid,
    pub project_id: Uuid,
    pub user: User,
}

/// Somebody who has proven who they are, and what they may do here.
pub struct Proven {
    pub subject: Subject,
    pub user: User,
}

/// Looks up what `user` is in `tenant` now. None where they are no member.
pub async fn prove(
    gateway: &Gateway,
    tenant: TenantId,
    user: UserId,
    session: Uuid,
    project: Option<ProjectId>,
) -> Result<Option<Proven>, Error> {
    let mut subject = Subject {
        user,
        tenant,
        project: project.unwrap_or(ProjectId(Uuid::nil())),
        // The lookup needs a scope, not a role; the row says which it is.
        role: MemberRole::Viewer,
        session,
    };
    let Some(member) = members::get(&gateway.db, &gateway.people(), &subject.scope(), user).await?
    else {
        return Ok(None);
    };
    subject.project = project_of(gateway, &subject, project).await?;
    subject.role = role_of(&member)?;
    let user = User {
        id: user.0,
        email: member.email,
        name: member.name,
    };
    Ok(Some(Proven { subject, user }))
}

/// The wanted project if it is one of the tenant's, else the tenant's first.
async fn project_of(
    gateway: &Gateway,
    subject: &Subject,
    wanted: Option<ProjectId>,
) -> Result<ProjectId, Error> {
    let found = match wanted {
        Some(project) => projects::get(&gateway.db, &subject.scope(), project).await?,
        None => {
            let first = projects::list(&gateway.db, &subject.scope(), None, 1).await?;
            first.items.into_iter().next()
        }
    };
    found
        .map(|project| ProjectId(project.id))
        .ok_or(Error::NotFound)
}

/// The member's role as the read model spells it.
pub fn role_of(member: &Member) -> Result<MemberRole, Error> {
    let unknown = || Error::Internal(format!("`{}` is no member role", member.role));
    MemberRole::parse(&member.role).ok_or_else(unknown)
}

/// Begins a session and answers with it.
pub async fn open(
    gateway: &Gateway,
    status: StatusCode,
    proven: Proven,
) -> Result<Response, Error> {
    let holder = Holder::from(&proven.subject);
    let refresh = refresh_tokens::begin(&gateway.db, &holder, gateway.clock.now()).await?;
    answer(gateway, status, proven, &refresh)
}

/// Answers with a session whose refresh token is `refresh`.
pub fn answer(
    gateway: &Gateway,
    status: StatusCode,
    proven: Proven,
    refresh: &Zeroizing<String>,
) -> Result<Response, Error> {
    let context = Context::ambient(&gateway.clock);
    let Proven { subject, user } = proven;
    let access_token = gateway.tokens.issue(&subject, &context)?;
    let headers = cookies::set(
        &gateway.config.public_url,
        &access_token,
        refresh,
        refresh_tokens::LIFETIME_S,
    );
    let session = Session {
        access_token,
        token_type: "Bearer",
        expires_in: LIFETIME_S,
        refresh_token: Some(refresh.to_string()),
        tenant_id: subject.tenant.0,
        project_id: subject.project.0,
        user,
    };
    Ok((status, headers, Json(session)).into_response())
}
