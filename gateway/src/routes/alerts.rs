//! `/api/v1/alerts`: what fires and what fired.

use axum::Json;
use axum::extract::State;
use projections::alerts::{self, Alert, Filter};
use schemas::ids::{AlertId, IncidentId};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::Gateway;
use crate::error::{Error, FieldError, Problem};
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};

const LIST: &str = "alerts";

/// A page of the list.
pub type AlertPage = Listed<Alert>;

const STATUSES: [&str; 2] = ["firing", "resolved"];

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// firing or resolved
    pub status: Option<String>,
    pub incident_id: Option<Uuid>,
    /// Part of the name or of a label's value.
    pub q: Option<String>,
}

/// Alerts, newest first
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "list_alerts", tag = "alerts",
    params(Which, Paging), responses((status = 200, body = AlertPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Result<Json<AlertPage>, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let filter = which.filter()?;
    let page = alerts::list(&gateway.db, scope, &filter, after, paging.limit()?).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}

/// One alert
#[utoipa::path(get, path = "/api/v1/alerts/{id}", operation_id = "get_alert", tag = "alerts",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Alert), (status = 404, body = Problem)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
) -> Result<Json<Alert>, Error> {
    let found = alerts::get(&gateway.db, allowed.scope(), AlertId(id)).await?;
    found.map(Json).ok_or(Error::NotFound)
}

impl Which {
    fn filter(self) -> Result<Filter, Error> {
        let status = self.status.filter(|word| !word.is_empty());
        if let Some(other) = status.as_deref().filter(|word| !STATUSES.contains(word)) {
            let message = format!("`{other}` is neither firing nor resolved");
            return Err(Error::Malformed(FieldError::new("status", message)));
        }
        Ok(Filter {
            status,
            incident: self.incident_id.map(IncidentId),
            q: self.q.filter(|q| !q.trim().is_empty()),
        })
    }
}
