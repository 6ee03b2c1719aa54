//! `/api/v1/audit`: who did what, what it changed, and what was refused.

pub mod export;
pub mod retention;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::audit::{self, AuditEntry, AuditStats, Filter};
use schemas::scope::Actor;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Gateway;
use crate::error::{Error, FieldError, Problem};
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::{Query, in_order};

const LIST: &str = "audit";
const MOST_TEXT: usize = 200;

/// A page of the list.
pub type AuditEntryPage = Listed<AuditEntry>;

/// Which entries.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `user:<id>`, `api_key:<id>` or `system:<worker>`
    pub actor: Option<String>,
    /// The operation, for instance `AcknowledgeIncident` or `audit.read`.
    pub action: Option<String>,
    /// incident, member, project, `api_key`, tenant, route, ...
    pub target_type: Option<String>,
    /// The thing's id: its history.
    pub target_id: Option<String>,
    /// change, read or denied
    pub kind: Option<String>,
    /// accepted or refused
    pub result: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// Text anywhere in action, target, rule, request id or changes; at most 200 characters.
    pub q: Option<String>,
}

impl Which {
    /// What was asked for, by name, as a file tells by what it was filtered.
    fn named(&self) -> BTreeMap<String, String> {
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        let parts = [
            ("actor", self.actor.clone()),
            ("action", self.action.clone()),
            ("target_type", self.target_type.clone()),
            ("target_id", self.target_id.clone()),
            ("kind", self.kind.clone()),
            ("result", self.result.clone()),
            ("from", time(self.from)),
            ("to", time(self.to)),
            ("q", self.q.clone()),
        ];
        let given = parts.into_iter().filter_map(|(name, value)| {
            let value = value.filter(|value| !value.is_empty())?;
            Some((name.to_owned(), value))
        });
        given.collect()
    }

    /// The filter of the read model; empty parts do not filter.
    pub fn filter(self) -> Result<Filter, Error> {
        let set = |text: Option<String>| text.filter(|text| !text.is_empty());
        let text = set(self.q);
        if text
            .as_ref()
            .is_some_and(|text| text.chars().count() > MOST_TEXT)
        {
            return Err(wrong("q", format!("has more than {MOST_TEXT} characters")));
        }
        in_order(self.from, self.to)?;
        Ok(Filter {
            actor: set(self.actor).map(known_actor).transpose()?,
            action: set(self.action),
            target_type: set(self.target_type),
            target_id: set(self.target_id),
            kind: set(self.kind).map(known_kind).transpose()?,
            refused: set(self.result).map(refused).transpose()?,
            from: self.from,
            to: self.to,
            text,
        })
    }
}

/// Operations, reads and refusals, newest first
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit", tag = "audit",
    params(Which, Paging), responses((status = 200, body = AuditEntryPage),
        (status = 400, body = Problem)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Result<Json<AuditEntryPage>, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let filter = which.filter()?;
    let page = audit::list(&gateway.db, scope, &filter, after, paging.limit()?).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}

/// Counts by day, action and actor
#[utoipa::path(get, path = "/api/v1/audit/stats", operation_id = "audit_stats", tag = "audit",
    params(Which), responses((status = 200, body = AuditStats), (status = 400, body = Problem)))]
pub async fn stats(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
) -> Result<Json<AuditStats>, Error> {
    let filter = which.filter()?;
    let stats = audit::stats(&gateway.db, allowed.scope(), &filter).await?;
    Ok(Json(stats))
}

fn known_actor(text: String) -> Result<String, Error> {
    match text.parse::<Actor>() {
        Ok(actor) => Ok(actor.to_string()),
        Err(e) => Err(wrong("actor", e.to_string())),
    }
}

fn known_kind(text: String) -> Result<String, Error> {
    match text.as_str() {
        "change" | "read" | "denied" => Ok(text),
        _ => Err(wrong(
            "kind",
            format!("`{text}` is not change, read or denied"),
        )),
    }
}

fn refused(text: String) -> Result<bool, Error> {
    match text.as_str() {
        "accepted" => Ok(false),
        "refused" => Ok(true),
        _ => Err(wrong(
            "result",
            format!("`{text}` is not accepted or refused"),
        )),
    }
}

fn wrong(field: &str, message: String) -> Error {
    Error::Malformed(FieldError::new(field, message))
}
