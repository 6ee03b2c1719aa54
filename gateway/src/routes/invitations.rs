//! `/api/v1/invitations`: asking colleagues in, by a link that is copied or mailed.

pub mod send;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use projections::invitations;
use projections::members;
use projections::people::Person;
use projections::vault::SubjectKeys;
use schemas::context::Context;
use schemas::ids::{InvitationId, SubjectId};
use schemas::scope::MemberRole;
use schemas::tenant::{InviteMember, RevokeInvitation, TenantCommand};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::members::owners_only;
use crate::Gateway;
use crate::auth::invitation::{self, Named};
use crate::auth::register::{address_problem, refuse_if, seal};
use crate::auth::vault::logins;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::openapi::words;
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
use crate::request::{Asked, NoFields};

const LIST: &str = "invitations";
/// How long a link is good.
const LIFETIME_MS: i64 = 7 * 86_400_000;

/// An invitation that waits for its answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invitation {
    pub id: Uuid,
    pub email: String,
    pub role: words::MemberRole,
    pub invited_by: Option<Person>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// To be sent to the invited person only: whoever has it can join. Null where it makes an
    /// owner and the caller may not.
    pub link: Option<String>,
    /// The newest mail with this link; null where none was asked for.
    pub mail: Option<InvitationMail>,
}

/// How a mail stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationMail {
    pub state: MailState,
    /// When it came to be so.
    pub since: DateTime<Utc>,
    /// Why it failed, in words.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// It is being sent, perhaps not for the first time.
    Waiting,
    /// A mail server has taken it.
    Sent,
    /// It was given up.
    Failed,
}

/// A page of the list.
pub type InvitationPage = Listed<Invitation>;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    #[schema(example = "grace@example.com")]
    pub email: String,
    #[schema(value_type = words::MemberRole)]
    pub role: MemberRole,
}

/// Invitations that wait, newest first
#[utoipa::path(get, path = "/api/v1/invitations", operation_id = "list_invitations", tag = "tenant",
    params(Paging),
    responses((status = 200, body = InvitationPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(paging): Query<Paging>,
) -> Result<Json<InvitationPage>, Error> {
    let (scope, people) = (allowed.scope(), gateway.people());
    let after = paging.after(&gateway, scope, LIST)?;
    let page = invitations::list(&gateway.db, &people, scope, after, paging.limit()?).await?;
    let listed = Listed::of(&gateway, scope, LIST, page)?;
    let shown = listed
        .items
        .into_iter()
        .map(|found| shown(&gateway, &allowed, found));
    Ok(Json(Listed {
        items: shown.collect::<Result<_, _>>()?,
        next_cursor: listed.next_cursor,
    }))
}

/// Invite a colleague
///
/// The link is good for a week and for the address alone. It takes the place of what
/// waited for the same address.
#[utoipa::path(post, path = "/api/v1/invitations", operation_id = "invite_member", tag = "tenant",
    request_body = NewInvitation,
    responses((status = 201, body = Invitation), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewInvitation>,
) -> Result<Response, Error> {
    let Asked { body, question } = asked;
    let email = body.email.trim();
    owners_only(&allowed, [body.role])?;
    refuse_if(address_problem(email).into_iter().collect())?;
    not_a_member(&gateway, &allowed, email).await?;
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(allowed.scope(), &question, &context);
    let id = InvitationId(command.created());
    let (person, now) = (SubjectId(id.0), gateway.clock.now());
    let mut vault = gateway.db.writer().acquire().await?;
    let key = SubjectKeys::new(gateway.master.clone())
        .create(&mut vault, person, now)
        .await
        .map_err(|e| Error::Internal(e.to_string()))?;
    drop(vault);
    let message = TenantCommand::from(InviteMember {
        invitation: id,
        email: seal(person, &key, email)?,
        role: body.role,
        expires_at: now.plus_millis(LIFETIME_MS),
        invited_by: allowed.principal().user(),
    });
    let (topic, tenant) = (Topic::IdentityCommands, allowed.scope().tenant());
    let settled = gateway.send(&command, topic, tenant, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    let scope = allowed.scope();
    let found = invitations::get(&gateway.db, &gateway.people(), scope, id).await?;
    let found = found.ok_or(Error::NotYet(settled.command))?;
    invitation::withdraw(&gateway, scope, &question, email, Some(&found)).await?;
    let invitation = shown(&gateway, &allowed, found)?;
    Ok((StatusCode::CREATED, Json(invitation)).into_response())
}

/// Revoke an invitation
///
/// Its link is good for nothing from now on.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", operation_id = "revoke_invitation", tag = "tenant",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 202, body = Pending), (status = 404, body = Problem)))]
pub async fn revoke(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(allowed.scope(), &asked.question, &context);
    let invitation = InvitationId(id);
    let message = TenantCommand::from(RevokeInvitation { invitation });
    let (topic, tenant) = (Topic::IdentityCommands, allowed.scope().tenant());
    let settled = gateway.send(&command, topic, tenant, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    invitation::forget(&gateway, invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whoever belongs to this tenant need not be asked in. Of others nothing is said.
async fn not_a_member(gateway: &Gateway, allowed: &Allowed, email: &str) -> Result<(), Error> {
    let Some(login) = logins::find(&gateway.db, &gateway.keys()?.email(email)).await? else {
        return Ok(());
    };
    let people = gateway.people();
    match members::get(&gateway.db, &people, allowed.scope(), login.user).await? {
        None => Ok(()),
        Some(_) => Err(Error::refused_here(
            "already_member",
            "this address belongs to a member",
        )),
    }
}

fn shown(
    gateway: &Gateway,
    allowed: &Allowed,
    found: invitations::Invitation,
) -> Result<Invitation, Error> {
    let role = MemberRole::parse(&found.role)
        .ok_or_else(|| Error::Internal(format!("`{}` is no member role", found.role)))?;
    let named = Named {
        tenant: allowed.scope().tenant(),
        invitation: InvitationId(found.id),
    };
    Ok(Invitation {
        id: found.id,
        email: found.email,
        role: role.into(),
        invited_by: found.invited_by,
        created_at: found.created_at,
        expires_at: found.expires_at,
        link: owners_only(allowed, [role])
            .ok()
            .map(|()| invitation::link(gateway, named))
            .transpose()?,
        mail: found.mail.map(mail_shown).transpose()?,
    })
}

fn mail_shown(mail: invitations::Mail) -> Result<InvitationMail, Error> {
    Ok(InvitationMail {
        state: match mail.state.as_str() {
            "waiting" => MailState::Waiting,
            "sent" => MailState::Sent,
            "failed" => MailState::Failed,
            other => return Err(Error::Internal(format!("`{other}` is no state of a mail"))),
        },
        since: mail.since,
        detail: mail.detail,
    })
}
