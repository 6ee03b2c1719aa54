//! Who am I, what may whom, and tickets for live sockets.

use access::permissions::Action;
use access::principal::Grant;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use projections::members::Membership;
use projections::projects::{Project, Tenant};
use projections::{members, projects, single_sign_on};
use schemas::scope::MemberRole;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Gateway;
use crate::auth::caller;
use crate::auth::session::User;
use crate::auth::single_sign_on::confine;
use crate::auth::vault::tickets;
use crate::error::{Error, Problem};
use crate::openapi::words;
use crate::operations::Allowed;

/// As many as a tenant can have.
const MAX_PROJECTS: u32 = 1_000;

/// The caller as the console shows them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    pub user: User,
    pub tenant: Tenant,
    pub project: ProjectRef,
    /// In this project.
    pub role: words::MemberRole,
    /// In the tenant; for what reaches over all its projects.
    pub tenant_role: words::MemberRole,
    /// Names of the actions that the role may do.
    pub permissions: Vec<&'static str>,
    pub projects: Vec<ProjectRef>,
    /// Every tenant that the person belongs to, as far as the session reaches.
    pub tenants: Vec<Membership>,
    /// Whether the tenant's provider vouched for the session, which then reaches this
    /// tenant only.
    pub single_sign_on: bool,
    /// Whether the tenant has a provider, by which an account can be linked.
    pub has_provider: bool,
    /// Whether this installation sends mail; where not, invitations are links to copy.
    pub sends_mail: bool,
}

/// A project without its history.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectRef {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
}

/// One row of the table of permissions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Action)]
pub struct ActionRow {
    pub name: &'static str,
    pub description: &'static str,
    /// Whether the role in the tenant decides, not the one in the project.
    pub of_the_tenant: bool,
    pub roles: Vec<words::MemberRole>,
}

/// The table of permissions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actions {
    pub roles: Vec<words::MemberRole>,
    pub actions: Vec<ActionRow>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WsTicket {
    pub ticket: String,
    /// Seconds.
    pub expires_in: i64,
}

/// Who am I
#[utoipa::path(get, path = "/api/v1/auth/me", operation_id = "me", tag = "auth",
    responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub async fn me(State(gateway): State<Gateway>, allowed: Allowed) -> Result<Json<Me>, Error> {
    let (scope, user) = (allowed.scope(), allowed.person()?);
    let member = members::get(&gateway.db, &gateway.people(), scope, user).await?;
    let member = member.ok_or(Error::SessionOver("the account has left the tenant"))?;
    let tenant = projects::tenant(&gateway.db, scope)
        .await?
        .ok_or(Error::NotFound)?;
    let projects = projects::list(&gateway.db, scope, None, MAX_PROJECTS).await?;
    let in_use = projects.items.into_iter();
    let in_use = in_use.filter(|project| project.archived_at.is_none());
    let projects: Vec<_> = in_use.map(ProjectRef::from).collect();
    let current = projects
        .iter()
        .find(|project| project.id == scope.project().0);
    let confined = confine::tenant(&gateway, &allowed).await?;
    let mut tenants = members::of_person(&gateway.db, scope).await?;
    tenants.retain(|tenant| confined.is_none_or(|only| only.0 == tenant.id));
    Ok(Json(Me {
        user: User {
            id: user.0,
            email: member.email,
            name: member.name,
        },
        tenant,
        project: current.cloned().ok_or(Error::NotFound)?,
        role: roles_of(&allowed)?.0.into(),
        tenant_role: roles_of(&allowed)?.1.into(),
        permissions: permissions(&allowed),
        projects,
        tenants,
        single_sign_on: confined.is_some(),
        has_provider: single_sign_on::get(&gateway.db, scope).await?.is_some(),
        sends_mail: gateway.config.mail,
    }))
}

/// What may whom: the one table
#[utoipa::path(get, path = "/api/v1/auth/actions", operation_id = "actions", tag = "auth",
    responses((status = 200, body = Actions)))]
pub async fn actions() -> Json<Actions> {
    let words = |roles: &[MemberRole]| roles.iter().map(|role| (*role).into()).collect();
    Json(Actions {
        roles: words(&MemberRole::ALL),
        actions: Action::all()
            .map(|action| ActionRow {
                name: action.name(),
                description: action.description(),
                of_the_tenant: action.is_of_the_tenant(),
                roles: words(action.roles()),
            })
            .collect(),
    })
}

/// A ticket for a WebSocket
///
/// For pages that cannot send a header or their cookie. Good once, for half a minute.
#[utoipa::path(post, path = "/api/v1/auth/ws-ticket", operation_id = "ws_ticket", tag = "auth",
    responses((status = 200, body = WsTicket), (status = 403, body = Problem)))]
pub async fn ws_ticket(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    headers: HeaderMap,
) -> Result<Json<WsTicket>, Error> {
    allowed.person()?;
    let token = caller::token(&gateway, &headers)?;
    let now = gateway.clock.now();
    Ok(Json(WsTicket {
        ticket: tickets::issue(&gateway.db, &gateway.master, &token, now).await?,
        expires_in: tickets::LIFETIME_S,
    }))
}

/// The public keys of access tokens
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "auth",
    responses((status = 200, body = serde_json::Value)))]
pub async fn jwks(State(gateway): State<Gateway>) -> Json<serde_json::Value> {
    Json(gateway.tokens.jwks())
}

/// In the project, and in the tenant.
fn roles_of(allowed: &Allowed) -> Result<(MemberRole, MemberRole), Error> {
    match allowed.principal().grant() {
        Grant::Member {
            role, tenant_role, ..
        } => Ok((*role, *tenant_role)),
        Grant::Key { .. } => Err(Error::PersonNeeded),
    }
}

fn permissions(allowed: &Allowed) -> Vec<&'static str> {
    Action::all()
        .filter(|action| allowed.principal().may(*action))
        .map(Action::name)
        .collect()
}

impl From<Project> for ProjectRef {
    fn from(project: Project) -> Self {
        Self {
            id: project.id,
            name: project.name,
            slug: project.slug,
        }
    }
}
