//! `/api/v1/commands/{id}`: what became of a write that was answered with 202.

use axum::Json;
use axum::extract::State;
use projections::outcomes;
use schemas::ids::CommandId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Gateway;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::outcomes::{Known, Settled};
use crate::parameters::Path;

/// How far a command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Pending,
    Accepted,
    Refused,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refusal {
    pub rule: String,
    pub detail: String,
    pub allowed_next: Vec<String>,
}

/// What a command was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Resource {
    /// `incident`, `tenant`, `api_key`, ...
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommandState {
    pub id: Uuid,
    pub state: Stage,
    pub refusal: Option<Refusal>,
    pub resource: Option<Resource>,
}

/// What became of a write
///
/// Known for a day. A command that is neither settled nor waiting here is 404, as is
/// another tenant's.
#[utoipa::path(get, path = "/api/v1/commands/{id}", operation_id = "command_state", tag = "commands",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CommandState), (status = 404, body = Problem)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
) -> Result<Json<CommandState>, Error> {
    let (scope, command) = (allowed.scope(), CommandId(id));
    let known = gateway.outcomes.known(scope, command);
    if let Known::Settled(settled) = known {
        return Ok(Json(CommandState::of(&settled)));
    }
    let found = outcomes::get(&gateway.db, scope, command).await?;
    match found {
        Some(outcome) => {
            let settled = Settled::found(scope, command, outcome);
            Ok(Json(CommandState::of(&settled)))
        }
        None if known == Known::Pending => Ok(Json(CommandState::pending(id))),
        None => Err(Error::NotFound),
    }
}

impl CommandState {
    fn pending(id: Uuid) -> Self {
        Self {
            id,
            state: Stage::Pending,
            refusal: None,
            resource: None,
        }
    }

    fn of(settled: &Settled) -> Self {
        let refusal = settled.refusal.clone().map(|refusal| Refusal {
            detail: Error::Refused(refusal.clone()).told().unwrap_or_default(),
            rule: refusal.rule,
            allowed_next: refusal.allowed_next,
        });
        let state = match refusal {
            Some(_) => Stage::Refused,
            None => Stage::Accepted,
        };
        Self {
            id: settled.command.0,
            state,
            refusal,
            resource: Some(Resource {
                kind: settled.aggregate.clone(),
                id: settled.aggregate_id.clone(),
                version: settled.version,
            }),
        }
    }
}
