//! New records as they arrive, over a WebSocket of their own.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use projections::telemetry::logs::{Arrived, Record, Tail};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::watch::{Frames, Place, Watch};
use super::which::Which;
use crate::Gateway;
use crate::as_of::NoAsOf;
use crate::error::{Error, Problem};
use crate::live::socket::{is_elsewhere, turn_away};
use crate::operations::Allowed;
use crate::parameters::Query;

/// For the handshake.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Handshake {
    /// From `POST /api/v1/auth/ws-ticket`.
    pub ticket: Option<String>,
    /// Which project the caller takes the credential to be for.
    pub project: Option<Uuid>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Frame<'a> {
    Log {
        record: &'a Record,
    },
    /// So many were left out: too many arrived at once.
    Dropped {
        count: u64,
    },
}

/// New log records as they arrive
///
/// A WebSocket. Each message is `{"type": "log", "record": {...}}`, or
/// `{"type": "dropped", "count": n}` where more arrived than is sent. `from` and `to`
/// do not matter. Credentials and closing codes are those of `/ws`.
#[utoipa::path(get, path = "/api/v1/logs/tail", operation_id = "tail_logs", tag = "logs",
    params(Which, Handshake),
    responses((status = 101, description = "the socket is open"), (status = 426, body = Problem)))]
pub async fn socket(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    _: NoAsOf,
    Query(which): Query<Which>,
    Query(handshake): Query<Handshake>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let filter = which.filter()?;
    let upgrade = upgrade.map_err(|_| Error::UpgradeNeeded)?;
    if is_elsewhere(allowed.principal(), handshake.project) {
        return Ok(turn_away(upgrade));
    }
    let place = Place::take()?;
    let watch = Watch {
        tail: Tail::begin(&gateway.db, allowed.scope()).await?,
        principal: allowed.principal().clone(),
        gateway,
        filter,
        delay: Duration::ZERO,
        frames: OneEach,
    };
    Ok(watch.begin(upgrade, place, Arrived::default()))
}

/// A frame for each record.
struct OneEach;

impl Frames for OneEach {
    fn of(&mut self, arrived: Arrived, _now_ns: i64) -> Vec<String> {
        let count = arrived.dropped;
        let dropped = (count > 0).then_some(Frame::Dropped { count });
        let records = arrived.records.iter().map(|record| Frame::Log { record });
        let frames = dropped.into_iter().chain(records);
        frames
            .map(|frame| serde_json::to_string(&frame).unwrap_or_default())
            .collect()
    }
}
