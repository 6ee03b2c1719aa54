//! A session as its holder gets it: an access token, a refresh token, two cookies.

use access::token::{LIFETIME_S, Subject};
use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use projections::members::{self, Member};
use projections::projects;
use schemas::context::Context;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::personal::ERASED;
use schemas::scope::MemberRole;
use schemas::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::audit::Happened;
use super::single_sign_on::confine;
use super::vault::refresh_tokens::{self, Holder};
use super::vault::sessions;
use super::{cookies, logout};
use crate::Gateway;
use crate::client::Client;
use crate::error::Error;
use crate::request::RequestId;

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
    /// Of the time before it was looked up. Tokens are of that time too: what has ended
    /// since ends them.
    pub context: Context,
}

/// Looks up what `user` is in `tenant` now, in `project` or the tenant's first. None
/// where they are no member.
pub async fn prove(
    gateway: &Gateway,
    tenant: TenantId,
    user: UserId,
    session: Uuid,
    project: Option<ProjectId>,
) -> Result<Option<Proven>, Error> {
    // Read models that are built again know nobody and no project yet; a session that ends
    // for that does not come back.
    let was_shown = gateway.people_are_shown();
    let found = look_up(gateway, tenant, user, session, project).await;
    let is_unknown = matches!(found, Ok(None) | Err(Error::NotFound));
    if was_shown || !is_unknown {
        return found;
    }
    gateway.wait_for_people().await?;
    look_up(gateway, tenant, user, session, project).await
}

async fn look_up(
    gateway: &Gateway,
    tenant: TenantId,
    user: UserId,
    session: Uuid,
    project: Option<ProjectId>,
) -> Result<Option<Proven>, Error> {
    let context = gateway.roles_shown(tenant, user).await?;
    let mut subject = Subject {
        user,
        tenant,
        project: project.unwrap_or(ProjectId(Uuid::nil())),
        // The lookup needs a scope, not a role; the row says which it is.
        role: MemberRole::Viewer,
        tenant_role: MemberRole::Viewer,
        session,
    };
    let found = project_of(gateway, &subject, project).await?;
    subject.project = found.unwrap_or(subject.project);
    let member = members::get(&gateway.db, &gateway.people(), &subject.scope(), user).await?;
    // Whose key is gone was erased, also where a log from before does not know it yet.
    let Some(member) = member.filter(|member| member.email != ERASED) else {
        return Ok(None);
    };
    found.ok_or(Error::NotFound)?;
    subject.tenant_role = role_of(&member)?;
    subject.role = match &member.project_role {
        Some(role) => parsed(role)?,
        None => subject.tenant_role,
    };
    confine::admits(gateway, &subject).await?;
    let user = User {
        id: user.0,
        email: member.email,
        name: member.name,
    };
    Ok(Some(Proven {
        subject,
        user,
        context,
    }))
}

/// The same, in another tenant that they belong to where they have left this one.
pub async fn prove_anywhere(
    gateway: &Gateway,
    tenant: TenantId,
    user: UserId,
    session: Uuid,
    project: Option<ProjectId>,
) -> Result<Option<Proven>, Error> {
    match prove(gateway, tenant, user, session, project).await {
        // The project was archived meanwhile; the tenant has another.
        Err(Error::NotFound) if project.is_some() => {
            prove(gateway, tenant, user, session, None).await
        }
        Ok(None) => {
            let scope = nobody_yet(tenant, user).scope();
            let others = members::of_person(&gateway.db, &scope).await?;
            match others.into_iter().find(|other| other.id != tenant.0) {
                Some(other) => prove(gateway, TenantId(other.id), user, session, None).await,
                None => Ok(None),
            }
        }
        other => other,
    }
}

/// A person for the lookups that say what they may do; until then it is nothing.
pub fn nobody_yet(tenant: TenantId, user: UserId) -> Subject {
    Subject {
        user,
        tenant,
        project: ProjectId(Uuid::nil()),
        role: MemberRole::Viewer,
        tenant_role: MemberRole::Viewer,
        session: Uuid::nil(),
    }
}

/// The wanted project if it is one of the tenant's in use, else the tenant's first.
async fn project_of(
    gateway: &Gateway,
    subject: &Subject,
    wanted: Option<ProjectId>,
) -> Result<Option<ProjectId>, Error> {
    let scope = subject.scope();
    let found = match wanted {
        Some(project) => projects::get(&gateway.db, &scope, project).await?,
        None => projects::first(&gateway.db, &scope).await?,
    };
    let in_use = found.filter(|project| project.archived_at.is_none());
    Ok(in_use.map(|project| ProjectId(project.id)))
}

/// The member's role as the read model spells it.
pub fn role_of(member: &Member) -> Result<MemberRole, Error> {
    parsed(&member.role)
}

fn parsed(role: &str) -> Result<MemberRole, Error> {
    let unknown = || Error::Internal(format!("`{role}` is no member role"));
    MemberRole::parse(role).ok_or_else(unknown)
}

/// Begins a session and answers with it. The one that the browser had, as its headers
/// say, is over.
pub async fn open(
    gateway: &Gateway,
    status: StatusCode,
    proven: Proven,
    (client, headers, request): (&Client, &HeaderMap, &RequestId),
) -> Result<Response, Error> {
    // Boxed, because few have one, and all futures of a sign-in would be larger for it.
    Box::pin(logout::give_up(gateway, headers, request)).await?;
    let (holder, now) = (Holder::from(&proven.subject), gateway.clock.now());
    let refresh = refresh_tokens::begin(&gateway.db, &holder, now).await?;
    sessions::begin(&gateway.db, &holder, client, now).await?;
    let id = holder.family.to_string();
    let happened = Happened {
        operation: "BeginSession",
        target_type: "session",
        target_id: &id,
        refused: None,
    };
    let scope = proven.subject.scope();
    gateway.tell(&scope, request, happened).await?;
    let end = gateway.session_end(now);
    answer(gateway, status, proven, (&refresh, end))
}

/// Answers with a session whose refresh token is `refresh`, and which is over at `end`.
pub fn answer(
    gateway: &Gateway,
    status: StatusCode,
    proven: Proven,
    (refresh, end): (&Zeroizing<String>, Timestamp),
) -> Result<Response, Error> {
    let Proven {
        subject,
        user,
        context,
    } = proven;
    let access_token = gateway.tokens.issue(&subject, end, &context)?;
    let left_s = end.millis_since(context.now()) / 1_000;
    let headers = cookies::set(
        &gateway.config.public_url,
        &access_token,
        refresh,
        refresh_tokens::LIFETIME_S.min(left_s),
    );
    let session = Session {
        access_token,
        token_type: "Bearer",
        expires_in: LIFETIME_S.min(left_s),
        refresh_token: Some(refresh.to_string()),
        tenant_id: subject.tenant.0,
        project_id: subject.project.0,
        user,
    };
    Ok((status, headers, Json(session)).into_response())
}
