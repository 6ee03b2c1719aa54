//! Another name for a monitoring server. Its id, its credential and its health stay.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use projections::monitoring_integrations::MonitoringIntegration;
use schemas::context::Context;
use schemas::ids::MonitoringIntegrationId;
use schemas::monitoring_integration::{MonitoringIntegrationCommand, RenameMonitoringIntegration};
use uuid::Uuid;

use super::asked::{self, Rename};
use super::names::{self, Names};
use super::{TOPIC, answer, known};
use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::request::Asked;

/// Rename a monitoring server
///
/// A name is one server's within the project, in whatever case. Everything else stays.
#[utoipa::path(patch, path = "/api/v1/monitoring-integrations/{id}", operation_id = "rename_monitoring_integration",
    tag = "monitoring integrations", params(("id" = Uuid, Path)), request_body = Rename,
    responses((status = 200, body = MonitoringIntegration), (status = 202, body = Pending),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub async fn rename(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Rename>,
) -> Result<Response, Error> {
    let (scope, id) = (allowed.scope(), MonitoringIntegrationId(id));
    let name = asked.body.name.trim();
    known(&gateway, scope, id).await?;
    refuse_if(asked::name_problems(name))?;
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let give = async {
        Names::load(&gateway, scope).await?.free_for(id, name)?;
        let name = name.to_owned();
        let message = MonitoringIntegrationCommand::from(RenameMonitoringIntegration { name });
        let settled = gateway.send(&command, TOPIC, id, message).await?;
        answer(&gateway, scope, id, &settled, StatusCode::OK).await
    };
    names::giving(&gateway, name, scope, &command, give).await
}
