//! `/api/v1/audit`: who did what, and what was refused.

use axum::Json;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use projections::audit::{self, AuditEntry, Filter};
use schemas::scope::Actor;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Gateway;
use crate::error::{Error, FieldError};
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};

const LIST: &str = "audit";

/// A page of the list.
pub type AuditEntryPage = Listed<AuditEntry>;

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `user:<id>`, `api_key:<id>` or `system:<worker>`
    pub actor: Option<String>,
    /// The operation, for instance `AcknowledgeIncident`.
    pub action: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// Operations and refusals, newest first
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit", tag = "tenant",
    params(Which, Paging), responses((status = 200, body = AuditEntryPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Result<Json<AuditEntryPage>, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let actor = which.actor.filter(|text| !text.is_empty());
    let filter = Filter {
        actor: actor.map(known_actor).transpose()?,
        action: which.action.filter(|text| !text.is_empty()),
        from: which.from,
        to: which.to,
    };
    let page = audit::list(&gateway.db, scope, &filter, after, paging.limit()).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}

fn known_actor(text: String) -> Result<String, Error> {
    match text.parse::<Actor>() {
        Ok(actor) => Ok(actor.to_string()),
        Err(e) => Err(Error::Malformed(FieldError::new("actor", e.to_string()))),
    }
}
