//! The alerts of one incident.

use axum::Json;
use axum::extract::State;
use projections::alerts::{self, Filter};
use projections::incidents;
use schemas::ids::IncidentId;

use super::named::Named;
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::Query;
use crate::routes::alerts::AlertPage;

const LIST: &str = "incident alerts";

/// Its alerts, newest first
#[utoipa::path(get, path = "/api/v1/incidents/{id}/alerts", operation_id = "incident_alerts",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`"), Paging),
    responses((status = 200, body = AlertPage), (status = 404, body = Problem)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    Query(paging): Query<Paging>,
) -> Result<Json<AlertPage>, Error> {
    let (scope, id) = (allowed.scope(), IncidentId(id));
    incidents::get(&gateway.db, scope, id)
        .await?
        .ok_or(Error::NotFound)?;
    let after = paging.after(&gateway, scope, LIST)?;
    let filter = Filter {
        incident: Some(id),
        ..Filter::default()
    };
    let page = alerts::list(&gateway.db, scope, &filter, after, paging.limit()?).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}
