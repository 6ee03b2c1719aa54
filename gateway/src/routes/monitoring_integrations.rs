//! `/api/v1/monitoring-integrations`: monitoring servers of the project. What they are
//! shown goes into the vault before the command, and is never told again.

mod asked;
mod names;
pub mod rename;
pub mod test;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use projections::monitoring_integrations::{self, MonitoringIntegration};
use projections::vault::credentials::{self, New};
use schemas::context::Context;
use schemas::ids::{CredentialId, MonitoringIntegrationId};
use schemas::monitoring_integration::{
    ChangeMonitoringIntegration, CredentialNamed, MonitoringIntegrationCommand,
    RegisterMonitoringIntegration, RemoveMonitoringIntegration,
};
use schemas::scope::Scope;
use schemas::topic::Topic;
use uuid::Uuid;

use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::etag;
use crate::operations::Allowed;
use crate::outcomes::Settled;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
use crate::request::{Asked, NoFields};
use asked::{IntegrationSettings, NewIntegration};
use names::Names;
use outbound::Credential;

const LIST: &str = "monitoring_integrations";
const TOPIC: Topic = Topic::MonitoringCommands;

/// A page of the list.
pub type MonitoringIntegrationPage = Listed<MonitoringIntegration>;

/// The project's monitoring servers, by name, with whether they answer
#[utoipa::path(get, path = "/api/v1/monitoring-integrations", operation_id = "list_monitoring_integrations",
    tag = "monitoring integrations", params(Paging),
    responses((status = 200, body = MonitoringIntegrationPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(paging): Query<Paging>,
) -> Result<Json<MonitoringIntegrationPage>, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let page = monitoring_integrations::list(&gateway.db, scope, after, paging.limit()?).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}

/// One monitoring server
#[utoipa::path(get, path = "/api/v1/monitoring-integrations/{id}", operation_id = "get_monitoring_integration",
    tag = "monitoring integrations", params(("id" = Uuid, Path)),
    responses((status = 200, body = MonitoringIntegration), (status = 404, body = Problem)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
) -> Result<Response, Error> {
    let id = MonitoringIntegrationId(id);
    let found = monitoring_integrations::get(&gateway.db, allowed.scope(), id).await?;
    Ok(shown(StatusCode::OK, found.ok_or(Error::NotFound)?))
}

/// Add a monitoring server
///
/// Its name is its own within the project, in whatever case. The credential is kept
/// sealed and never shown again.
#[utoipa::path(post, path = "/api/v1/monitoring-integrations", operation_id = "create_monitoring_integration",
    tag = "monitoring integrations", request_body = NewIntegration,
    responses((status = 201, body = MonitoringIntegration), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewIntegration>,
) -> Result<Response, Error> {
    let Asked { body, question } = asked;
    let (name, settings) = body.parts();
    let mut wrong = asked::name_problems(&name);
    wrong.extend(settings.problems(&gateway));
    refuse_if(wrong)?;
    let scope = allowed.scope();
    let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
    let give = Box::pin(async {
        let names = Names::load(&gateway, scope).await?;
        let id = names.id_for(&name, &command)?;
        let credential = settings.credential();
        let message = MonitoringIntegrationCommand::from(RegisterMonitoringIntegration {
            project: scope.project(),
            name: name.trim().to_owned(),
            kind: settings.kind.name().to_owned(),
            url: settings.address()?,
            ca_certificate: settings.authority(),
            credential: named(&command, credential.as_ref()),
        });
        let settled = send(&gateway, scope, &command, id, credential.as_ref(), message).await?;
        answer(&gateway, scope, id, &settled, StatusCode::CREATED).await
    });
    names::giving(&gateway, &name, scope, &command, give).await
}

/// Change a monitoring server
///
/// Everything but [its name](#operation/rename_monitoring_integration). Without `credential` the one that it has stays, unless the
/// address becomes another server's: then it must be given again.
#[utoipa::path(put, path = "/api/v1/monitoring-integrations/{id}", operation_id = "change_monitoring_integration",
    tag = "monitoring integrations", params(("id" = Uuid, Path)), request_body = IntegrationSettings,
    responses((status = 200, body = MonitoringIntegration), (status = 202, body = Pending),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub async fn change(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<IntegrationSettings>,
) -> Result<Response, Error> {
    let (scope, id, settings) = (allowed.scope(), MonitoringIntegrationId(id), &asked.body);
    known(&gateway, scope, id).await?;
    refuse_if(settings.problems(&gateway))?;
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let credential = settings.credential();
    let message = MonitoringIntegrationCommand::from(ChangeMonitoringIntegration {
        kind: settings.kind.name().to_owned(),
        url: settings.address()?,
        ca_certificate: settings.authority(),
        sets_credential: settings.credential.is_some(),
        credential: named(&command, credential.as_ref()),
    });
    let settled = send(&gateway, scope, &command, id, credential.as_ref(), message).await?;
    answer(&gateway, scope, id, &settled, StatusCode::OK).await
}

/// Remove a monitoring server
///
/// Its credential is destroyed; its name is free again.
#[utoipa::path(delete, path = "/api/v1/monitoring-integrations/{id}", operation_id = "remove_monitoring_integration",
    tag = "monitoring integrations", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 202, body = Pending), (status = 404, body = Problem), (status = 412, body = Problem)))]
pub async fn remove(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let message = MonitoringIntegrationCommand::from(RemoveMonitoringIntegration { reason: None });
    let id = MonitoringIntegrationId(id);
    let settled = gateway.send(&command, TOPIC, id, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts the secret into the vault, sends the command that names it, and settles the
/// secret by its outcome; what a crash leaves, the sweeper settles.
async fn send(
    gateway: &Gateway,
    scope: &Scope,
    command: &Command,
    id: MonitoringIntegrationId,
    credential: Option<&Credential>,
    message: MonitoringIntegrationCommand,
) -> Result<Arc<Settled>, Error> {
    if let Some(credential) = credential {
        let new = New {
            id: CredentialId::of(command.id()),
            tenant: scope.tenant(),
            project: scope.project(),
            owner: id.0,
            command: command.id(),
        };
        let secret = zeroize::Zeroizing::new(
            serde_json::to_vec(credential).map_err(|e| Error::Internal(e.to_string()))?,
        );
        let now = gateway.clock.now();
        credentials::propose(&gateway.db, &gateway.master, &new, &secret, now).await?;
    }
    let sent = gateway.send(command, TOPIC, id, message).await;
    match &sent {
        _ if credential.is_none() => {}
        Ok(_) => credentials::activate(&gateway.db, command.id()).await?,
        Err(Error::Refused(_) | Error::RefusedHere(_)) => {
            credentials::release(&gateway.db, command.id()).await?
        }
        Err(_) => {}
    }
    sent
}

async fn known(
    gateway: &Gateway,
    scope: &Scope,
    id: MonitoringIntegrationId,
) -> Result<MonitoringIntegration, Error> {
    let found = monitoring_integrations::get(&gateway.db, scope, id).await?;
    found.ok_or(Error::NotFound)
}

async fn answer(
    gateway: &Gateway,
    scope: &Scope,
    id: MonitoringIntegrationId,
    settled: &Settled,
    status: StatusCode,
) -> Result<Response, Error> {
    gateway.shown(settled, &[LIST]).await?;
    let found = monitoring_integrations::get(&gateway.db, scope, id).await?;
    Ok(shown(status, found.ok_or(Error::NotYet(settled.command))?))
}

fn shown(status: StatusCode, integration: MonitoringIntegration) -> Response {
    let tag = etag::header(integration.version);
    let place = format!("/api/v1/monitoring-integrations/{}", integration.id);
    let place = (status == StatusCode::CREATED).then_some([(LOCATION, place)]);
    (status, tag, place, Json(integration)).into_response()
}

fn named(command: &Command, credential: Option<&Credential>) -> Option<CredentialNamed> {
    credential.map(|credential| CredentialNamed {
        id: CredentialId::of(command.id()),
        kind: credential.kind().to_owned(),
    })
}
