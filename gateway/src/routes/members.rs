//! `/api/v1/members`: who belongs to the tenant, as what.

pub mod erase;

use access::ended::End;
use access::permissions::Action;
use access::token::Subject;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::members::{self, Member};
use schemas::context::Context;
use schemas::ids::UserId;
use schemas::scope::MemberRole;
use schemas::tenant::{AddMember, ChangeMemberRole, RemoveMember, SetProjectRole};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Gateway;
use crate::auth::register::{Account, account_problems, refuse_if, reserve, settle_login};
use crate::auth::secret::Secret;
use crate::auth::{initial_password, invitation, leave, proof, session};
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::etag;
use crate::operations::Allowed;
use crate::outcomes::Settled;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
use crate::request::{Asked, NoFields};

const LIST: &str = "members";

/// A page of the list.
pub type MemberPage = Listed<Member>;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    #[schema(example = "grace@example.com")]
    pub email: String,
    #[schema(example = "Grace Hopper")]
    pub name: String,
    /// 8 to 256 characters; tell it to your colleague on another way. It is good once,
    /// for seven days, and for nothing but to be replaced.
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
    #[schema(value_type = crate::openapi::words::MemberRole)]
    pub role: MemberRole,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    #[schema(value_type = crate::openapi::words::MemberRole)]
    pub role: MemberRole,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectRole {
    /// admin, engineer or viewer; owners are it everywhere.
    #[schema(value_type = Option<crate::openapi::words::MemberRole>)]
    pub role: Option<MemberRole>,
}

/// The tenant's members
///
/// The `ETag` is of the whole tenant.
#[utoipa::path(get, path = "/api/v1/members", operation_id = "list_members", tag = "tenant",
    params(Paging),
    responses((status = 200, body = MemberPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(paging): Query<Paging>,
) -> Result<Response, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let tag = etag::header(members::version(&gateway.db, scope).await?);
    let page = members::list(
        &gateway.db,
        &gateway.people(),
        scope,
        after,
        paging.limit()?,
    )
    .await?;
    Ok((tag, Json(Listed::of(&gateway, scope, LIST, page)?)).into_response())
}

/// Make an account for a colleague
///
/// With a first password, which the colleague has to replace within seven days (see
/// `POST /api/v1/auth/initial-password`): an API key or a session never comes of it. Where
/// that was missed, remove the member and make the account anew, or invite them: an
/// invitation leaves the password to whoever joins.
#[utoipa::path(post, path = "/api/v1/members", operation_id = "create_member", tag = "tenant",
    request_body = NewMember,
    responses((status = 201, body = Member), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewMember>,
) -> Result<Response, Error> {
    let Asked { body, question } = asked;
    owners_only(&allowed, [body.role])?;
    refuse_if(account_problems(&body.email, &body.password, &body.name))?;
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(allowed.scope(), &question, &context);
    let user = UserId(command.created());
    let until = initial_password::good_until(context.now());
    let subject = Subject {
        user,
        tenant: allowed.scope().tenant(),
        project: allowed.scope().project(),
        role: body.role,
        tenant_role: body.role,
        session: command.created(),
    };
    let account = Account {
        email: body.email.trim(),
        name: body.name.trim(),
        password: body.password,
        initial_until: Some(until),
    };
    let sealed = reserve(&gateway, &subject, account, &command).await?;
    let message = AddMember {
        user,
        email: sealed.email,
        name: sealed.name,
        role: body.role,
        initial_password_until: Some(until),
    };
    let sent = gateway.send_to_tenant(&command, message).await;
    let settled = settle_login(&gateway, &command, sent).await?;
    let member = shown(&gateway, &allowed, user, &settled).await?;
    let tag = etag::header(settled.version);
    Ok((StatusCode::CREATED, tag, Json(member)).into_response())
}

/// Change what a member may do
///
/// Open sessions have the new role at once.
#[utoipa::path(patch, path = "/api/v1/members/{user_id}", operation_id = "change_member_role",
    tag = "tenant", params(("user_id" = Uuid, Path)), request_body = ChangeRole,
    responses((status = 200, body = Member), (status = 202, body = Pending),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change_role(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(user): Path<Uuid>,
    asked: Asked<ChangeRole>,
) -> Result<Response, Error> {
    let (user, role) = (UserId(user), asked.body.role);
    let member = member(&gateway, &allowed, user).await?;
    let roles = [role, session::role_of(&member)?];
    owners_only(&allowed, roles)?;
    if roles.contains(&MemberRole::Owner) {
        proof::needed(&gateway, &allowed).await?;
    }
    let command = Command::new(
        allowed.scope(),
        &asked.question,
        &Context::ambient(&gateway.clock),
    );
    let settled = gateway
        .send_to_tenant(&command, ChangeMemberRole { user, role })
        .await?;
    let member = shown(&gateway, &allowed, user, &settled).await?;
    let changed = End::member(allowed.scope().tenant(), user);
    gateway.end_by(changed, &settled).await?;
    Ok((etag::header(settled.version), Json(member)).into_response())
}

/// Say what a member is in this project
///
/// None ends it: the member is here what they are in the tenant.
#[utoipa::path(put, path = "/api/v1/members/{user_id}/project-role", operation_id = "set_project_role",
    tag = "tenant", params(("user_id" = Uuid, Path)), request_body = ProjectRole,
    responses((status = 200, body = Member), (status = 202, body = Pending),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn set_project_role(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(user): Path<Uuid>,
    asked: Asked<ProjectRole>,
) -> Result<Response, Error> {
    let (user, scope) = (UserId(user), allowed.scope());
    member(&gateway, &allowed, user).await?;
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(scope, &asked.question, &context);
    let message = SetProjectRole {
        project: scope.project(),
        user,
        role: asked.body.role,
    };
    let settled = gateway.send_to_tenant(&command, message).await?;
    let member = shown(&gateway, &allowed, user, &settled).await?;
    let changed = End::member(scope.tenant(), user);
    gateway.end_by(changed, &settled).await?;
    Ok((etag::header(settled.version), Json(member)).into_response())
}

/// Take a member out of the tenant
///
/// Ends the person's sessions here. An account that belongs to no other tenant is
/// gone with it, and its address free again. Invitations of the address that wait are
/// revoked.
#[utoipa::path(delete, path = "/api/v1/members/{user_id}", operation_id = "remove_member",
    tag = "tenant", params(("user_id" = Uuid, Path)),
    responses((status = 204), (status = 202, body = Pending),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(user): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let user = UserId(user);
    let member = member(&gateway, &allowed, user).await?;
    owners_only(&allowed, [session::role_of(&member)?])?;
    let (scope, question) = (allowed.scope(), &asked.question);
    let withdrawn = invitation::withdraw(&gateway, scope, question, &member.email, None).await?;
    let question = invitation::after(question, withdrawn);
    let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
    let settled = gateway
        .send_to_tenant(&command, RemoveMember { user })
        .await?;
    gateway.shown(&settled, &[LIST]).await?;
    leave::after(&gateway, allowed.scope().tenant(), user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Owners are made and unmade by owners.
pub(super) fn owners_only<const N: usize>(
    allowed: &Allowed,
    roles: [MemberRole; N],
) -> Result<(), Error> {
    match roles.contains(&MemberRole::Owner) {
        true => allowed.also(Action::ManageOwners),
        false => Ok(()),
    }
}

async fn member(gateway: &Gateway, allowed: &Allowed, user: UserId) -> Result<Member, Error> {
    let found = members::get(&gateway.db, &gateway.people(), allowed.scope(), user).await?;
    found.ok_or(Error::NotFound)
}

async fn shown(
    gateway: &Gateway,
    allowed: &Allowed,
    user: UserId,
    settled: &Settled,
) -> Result<Member, Error> {
    gateway.shown(settled, &[LIST]).await?;
    let found = members::get(&gateway.db, &gateway.people(), allowed.scope(), user).await?;
    found.ok_or(Error::NotYet(settled.command))
}
