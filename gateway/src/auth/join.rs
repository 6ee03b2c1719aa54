//! Answering an invitation: with a new account, or with the one that the caller has.

use access::token::Subject;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use projections::members;
use projections::vault::SubjectKeys;
use schemas::context::Context;
use schemas::ids::SubjectId;
use schemas::scope::MemberRole;
use schemas::tenant::{AcceptInvitation, TenantCommand};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::invitation::{self, Found};
use super::register::{Account, account_problems, refuse_if, reserve, seal, settle_login};
use super::secret::Secret;
use super::session::{self, Session, nobody_yet};
use super::single_sign_on::confine;
use super::vault::logins;
use crate::Gateway;
use crate::client::Client;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::openapi::words;
use crate::operations::Allowed;
use crate::outcomes::Settled;
use crate::request::Asked;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToken {
    /// What follows `#` in the link.
    #[schema(value_type = String, example = "srei_AAAA")]
    pub token: Secret,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// What follows `#` in the link.
    #[schema(value_type = String, example = "srei_AAAA")]
    pub token: Secret,
    #[schema(example = "Grace Hopper")]
    pub name: String,
    /// 8 to 256 characters, and none of the common ones.
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
}

/// An invitation as its holder sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationSeen {
    pub tenant_name: String,
    pub email: String,
    pub role: words::MemberRole,
    pub invited_by: Option<String>,
    pub expires_at: DateTime<Utc>,
    /// Whether the address has an account: its holder logs in and then accepts.
    pub has_account: bool,
}

/// The tenant that the caller belongs to from now on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Joined {
    pub tenant_id: Uuid,
    pub project_id: Uuid,
}

/// See an invitation
#[utoipa::path(post, path = "/api/v1/auth/invitation", operation_id = "see_invitation", tag = "auth",
    request_body = InvitationToken,
    responses((status = 200, body = InvitationSeen), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 429, body = Problem)))]
pub async fn see(
    State(gateway): State<Gateway>,
    asked: Asked<InvitationToken>,
) -> Result<Json<InvitationSeen>, Error> {
    let found = invitation::find(&gateway, &asked.body.token).await?;
    let address = gateway.keys()?.email(&found.invitation.email);
    let role = role_of(&found)?.into();
    let has_account = logins::find(&gateway.db, &address).await?.is_some();
    let Found {
        tenant_name,
        invitation,
        ..
    } = found;
    Ok(Json(InvitationSeen {
        tenant_name,
        email: invitation.email,
        role,
        invited_by: invitation.invited_by.map(|person| person.name),
        expires_at: invitation.expires_at,
        has_account,
    }))
}

/// Join with a new account
///
/// The account is for the address that was invited. Begins a session.
#[utoipa::path(post, path = "/api/v1/auth/join", operation_id = "join", tag = "auth",
    request_body = Join,
    responses((status = 201, body = Session), (status = 202, body = Pending), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
pub async fn join(
    State(gateway): State<Gateway>,
    client: Client,
    headers: HeaderMap,
    asked: Asked<Join>,
) -> Result<Response, Error> {
    let Asked { body, question } = asked;
    let found = invitation::find(&gateway, &body.token).await?;
    let email = found.invitation.email.clone();
    refuse_if(account_problems(&email, &body.password, &body.name))?;
    let context = Context::ambient(&gateway.clock);
    let role = role_of(&found)?;
    let subject = Subject {
        user: invitation::newcomer(found.named.invitation),
        tenant: found.named.tenant,
        project: found.project,
        role,
        tenant_role: role,
        session: context.id(),
    };
    let command = Command::new(&subject.scope(), &question, &context);
    let account = Account {
        email: &email,
        name: body.name.trim(),
        password: body.password,
        initial_until: None,
    };
    let sealed = reserve(&gateway, &subject, account, &command).await?;
    let message = AcceptInvitation {
        invitation: found.named.invitation,
        user: subject.user,
        email: sealed.email,
        name: sealed.name,
    };
    let sent = send(&gateway, &command, &found, message).await;
    let settled = settle_login(&gateway, &command, sent).await?;
    gateway.shown(&settled, &["members", "invitations"]).await?;
    invitation::forget(&gateway, found.named.invitation).await?;
    invitation::withdraw(&gateway, &subject.scope(), &question, &email, None).await?;
    let (tenant, user, session) = (subject.tenant, subject.user, subject.session);
    let proven = session::prove(&gateway, tenant, user, session, Some(subject.project)).await?;
    let proven = proven.ok_or(Error::NotYet(settled.command))?;
    let from = (&client, &headers, &question.request);
    session::open(&gateway, StatusCode::CREATED, proven, from).await
}

/// Join with the account that one has
///
/// The invitation must be for the caller's own address. To work in the tenant, send
/// its id to `refresh`.
#[utoipa::path(post, path = "/api/v1/auth/accept-invitation", operation_id = "accept_invitation", tag = "auth",
    request_body = InvitationToken,
    responses((status = 200, body = Joined), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn accept(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<InvitationToken>,
) -> Result<Response, Error> {
    let user = allowed.person()?;
    confine::whole_account(&gateway, &allowed).await?;
    let found = invitation::find(&gateway, &asked.body.token).await?;
    let own = members::get(&gateway.db, &gateway.people(), allowed.scope(), user).await?;
    let own = own.ok_or(Error::SessionOver("the account has left the tenant"))?;
    let keys = gateway.keys()?;
    if keys.email(&own.email) != keys.email(&found.invitation.email) {
        return Err(Error::InvitationForAnother);
    }
    let context = Context::ambient(&gateway.clock);
    let mut subject = nobody_yet(found.named.tenant, user);
    subject.project = found.project;
    let command = Command::new(&subject.scope(), &asked.question, &context);
    // A key of this membership's own, so that one tenant can erase the person
    // without the others.
    let (person, now) = (SubjectId(command.created()), gateway.clock.now());
    let mut vault = gateway.db.writer().acquire().await?;
    let key = SubjectKeys::new(gateway.master.clone())
        .create(&mut vault, person, now)
        .await
        .map_err(|e| Error::Internal(e.to_string()))?;
    drop(vault);
    let message = AcceptInvitation {
        invitation: found.named.invitation,
        user,
        email: seal(person, &key, &own.email)?,
        name: seal(person, &key, &own.name)?,
    };
    let settled = send(&gateway, &command, &found, message).await?;
    gateway.shown(&settled, &["members", "invitations"]).await?;
    invitation::forget(&gateway, found.named.invitation).await?;
    let (scope, email) = (subject.scope(), &found.invitation.email);
    invitation::withdraw(&gateway, &scope, &asked.question, email, None).await?;
    let joined = Joined {
        tenant_id: found.named.tenant.0,
        project_id: found.project.0,
    };
    Ok((StatusCode::OK, Json(joined)).into_response())
}

async fn send(
    gateway: &Gateway,
    command: &Command,
    found: &Found,
    message: AcceptInvitation,
) -> Result<std::sync::Arc<Settled>, Error> {
    let (topic, tenant) = (Topic::IdentityCommands, found.named.tenant);
    let message = TenantCommand::from(message);
    gateway.send(command, topic, tenant, message).await
}

fn role_of(found: &Found) -> Result<MemberRole, Error> {
    let role = &found.invitation.role;
    MemberRole::parse(role).ok_or_else(|| Error::Internal(format!("`{role}` is no member role")))
}
