//! `/api/v1/single-sign-on`: by which provider the tenant's members sign in.

mod asked;
pub mod test;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use projections::people::ActorShown;
use projections::single_sign_on::{self, SignOn};
use schemas::context::Context;
use schemas::ids::{SignOnId, SignOnSecretId, TenantId};
use schemas::scope::MemberRole;
use schemas::single_sign_on::{
    GroupRole, RemoveSingleSignOn, SetSingleSignOn, SignOnSettings, SingleSignOnCommand,
};
use schemas::topic::Topic;
use serde::Serialize;
use utoipa::ToSchema;

use super::members::owners_only;
use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::auth::single_sign_on::{
    demands_more, logout_uri, makes_owners, redirect_uri, start_uri,
};
use crate::auth::vault::{sign_on_secrets, sign_on_sessions};
use crate::auth::{ending, proof};
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::openapi::words;
use crate::operations::Allowed;
use crate::request::{Asked, NoFields};
use asked::{MappedGroup, NewSingleSignOn, wanted};

const READ_MODEL: &str = "single_sign_on";

/// The tenant's single sign-on, or how one is set up.
#[derive(Debug, Serialize, ToSchema)]
pub struct SingleSignOn {
    /// Null where there is none.
    pub provider: Option<SignOnProvider>,
    /// What the provider must know of this tenant: where it sends people back to.
    pub redirect_uri: String,
    /// Where it says who has signed out there (OpenID Connect Back-Channel Logout).
    pub logout_uri: String,
    /// A link by which members sign in.
    pub start_uri: String,
}

/// The provider and what follows from what it says.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignOnProvider {
    pub issuer: String,
    pub client_id: String,
    /// Whether the client has a secret, which is shown to nobody.
    pub has_client_secret: bool,
    pub scopes: Vec<String>,
    pub groups_claim: String,
    pub group_roles: Vec<MappedGroup>,
    #[schema(value_type = Option<words::MemberRole>)]
    pub default_role: Option<MemberRole>,
    pub email_domains: Vec<String>,
    pub just_in_time: bool,
    pub password_login: bool,
    pub acr_values: Vec<String>,
    pub amr_values: Vec<String>,
    pub set_at: DateTime<Utc>,
    pub set_by: ActorShown,
}

/// The tenant's single sign-on
#[utoipa::path(get, path = "/api/v1/single-sign-on", operation_id = "get_single_sign_on", tag = "tenant",
    responses((status = 200, body = SingleSignOn)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<SingleSignOn>, Error> {
    shown(&gateway, &allowed).await.map(Json)
}

/// Set up single sign-on
///
/// Replaces all of it. Needs a fresh proof. Sessions by another provider or client end, and
/// all that it began where more is demanded of how people show themselves there.
#[utoipa::path(put, path = "/api/v1/single-sign-on", operation_id = "set_single_sign_on", tag = "tenant",
    request_body = NewSingleSignOn,
    responses((status = 200, body = SingleSignOn), (status = 202, body = Pending),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn set(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewSingleSignOn>,
) -> Result<Json<SingleSignOn>, Error> {
    let scope = allowed.scope();
    let tenant = scope.tenant();
    let before = single_sign_on::get(&gateway.db, scope).await?;
    let before = before.map(|sign_on| sign_on.settings);
    let (mut settings, secret) = wanted(asked.body);
    for settings in before.iter().chain([&settings]) {
        if makes_owners(settings) {
            owners_only(&allowed, [MemberRole::Owner])?;
        }
    }
    let wrong = gateway.providers.issuer(&settings.issuer).err();
    let wrong =
        wrong.map(|why| FieldError::of_address("issuer", &settings.issuer, &why.to_string()));
    refuse_if(wrong.into_iter().collect())?;
    proof::needed(&gateway, &allowed).await?;
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let kept = before
        .as_ref()
        .and_then(|before| kept_secret(before, &settings));
    let (fresh, now) = (SignOnSecretId(command.created()), gateway.clock.now());
    settings.client_secret = match &secret {
        Some(secret) => {
            let (db, master) = (&gateway.db, &gateway.master);
            sign_on_secrets::add(db, master, tenant, fresh, secret, now).await?;
            Some(fresh)
        }
        None => kept,
    };
    let message = SetSingleSignOn {
        settings: settings.clone(),
    };
    let settled = send(&gateway, &allowed, &command, message).await;
    if let (Err(Error::Refused(_) | Error::RefusedHere(_)), Some(_)) = (&settled, &secret) {
        sign_on_secrets::remove(&gateway.db, tenant, fresh).await?;
    }
    let settled = settled?;
    gateway.shown(&settled, &[READ_MODEL]).await?;
    after(&gateway, tenant, before.as_ref(), Some(&settings)).await?;
    shown(&gateway, &allowed).await.map(Json)
}

/// Remove single sign-on
///
/// Ends the sessions that it began; members come in with their passwords. Needs a
/// fresh proof.
#[utoipa::path(delete, path = "/api/v1/single-sign-on", operation_id = "remove_single_sign_on", tag = "tenant",
    responses((status = 204), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn remove(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let scope = allowed.scope();
    let before = single_sign_on::get(&gateway.db, scope).await?;
    let before = before.map(|sign_on| sign_on.settings);
    // It may be how owners come in.
    if before.as_ref().is_some_and(makes_owners) {
        owners_only(&allowed, [MemberRole::Owner])?;
    }
    proof::needed(&gateway, &allowed).await?;
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let message = RemoveSingleSignOn { reason: None };
    let settled = send(&gateway, &allowed, &command, message).await?;
    gateway.shown(&settled, &[READ_MODEL]).await?;
    after(&gateway, scope.tenant(), before.as_ref(), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret stays with the provider that it is for: whoever names another gives its own.
fn kept_secret(before: &SignOnSettings, now: &SignOnSettings) -> Option<SignOnSecretId> {
    let same = before.issuer == now.issuer && before.client_id == now.client_id;
    before.client_secret.filter(|_| same)
}

/// What was the provider's is taken away: the secret, and sessions by its word.
async fn after(
    gateway: &Gateway,
    tenant: TenantId,
    before: Option<&SignOnSettings>,
    now: Option<&SignOnSettings>,
) -> Result<(), Error> {
    let Some(before) = before else {
        return Ok(());
    };
    let kept = now.and_then(|now| now.client_secret);
    if let Some(secret) = before.client_secret.filter(|secret| Some(*secret) != kept) {
        sign_on_secrets::remove(&gateway.db, tenant, secret).await?;
    }
    let client = |settings: &SignOnSettings| (settings.issuer.clone(), settings.client_id.clone());
    let stricter = now.is_some_and(|now| demands_more(before, now));
    if stricter || now.map(client) != Some(client(before)) {
        let open = sign_on_sessions::of_tenant(&gateway.db, tenant).await?;
        ending::all(gateway, &open).await?;
    }
    Ok(())
}

async fn send(
    gateway: &Gateway,
    allowed: &Allowed,
    command: &Command,
    message: impl Into<SingleSignOnCommand>,
) -> Result<std::sync::Arc<crate::outcomes::Settled>, Error> {
    let id = SignOnId::of(allowed.scope().tenant());
    let message: SingleSignOnCommand = message.into();
    gateway
        .send(command, Topic::IdentityCommands, id, message)
        .await
}

async fn shown(gateway: &Gateway, allowed: &Allowed) -> Result<SingleSignOn, Error> {
    let tenant = allowed.scope().tenant();
    let found = single_sign_on::get(&gateway.db, allowed.scope()).await?;
    Ok(SingleSignOn {
        provider: found.map(SignOnProvider::from),
        redirect_uri: redirect_uri(gateway, tenant),
        logout_uri: logout_uri(gateway, tenant),
        start_uri: start_uri(gateway, tenant),
    })
}

impl From<SignOn> for SignOnProvider {
    fn from(sign_on: SignOn) -> Self {
        let settings = sign_on.settings;
        let mapped = |role: GroupRole| MappedGroup {
            group: role.group,
            role: role.role,
        };
        Self {
            issuer: settings.issuer,
            client_id: settings.client_id,
            has_client_secret: settings.client_secret.is_some(),
            scopes: settings.scopes,
            groups_claim: settings.groups_claim,
            group_roles: settings.group_roles.into_iter().map(mapped).collect(),
            default_role: settings.default_role,
            email_domains: settings.email_domains,
            just_in_time: settings.just_in_time,
            password_login: settings.password_login,
            acr_values: settings.acr_values,
            amr_values: settings.amr_values,
            set_at: sign_on.set_at,
            set_by: sign_on.set_by,
        }
    }
}
