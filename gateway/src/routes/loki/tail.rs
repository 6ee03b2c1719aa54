//! Lines as they arrive, over a WebSocket, in Loki's frames.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use logql::narrow::narrow;
use logql::{Line, Pipeline};
use projections::telemetry::logs::{self, Arrived, Query, Tail};
use serde_json::{Value, json};

use super::asked::Asked;
use super::record::{self, Show};
use super::{Failure, NS, answer};
use crate::Gateway;
use crate::operations::Allowed;
use crate::routes::logs::watch::{Frames, Place, Watch};

/// Frames wait at most so long for late lines.
const MOST_DELAY_S: usize = 5;

/// Log lines as they arrive
///
/// A WebSocket. Each message is `{"streams": [...], "dropped_entries": [...]}`; where more
/// arrived than is sent, the label `dropped_lines` of a dropped entry tells how many.
/// Credentials and closing codes are those of `/ws`.
#[utoipa::path(get, path = "/loki/api/v1/tail", operation_id = "loki_tail", tag = "loki",
    params(("query" = String, Query, description = "Log lines, in LogQL"),
        ("delay_for" = Option<u32>, Query, description = "Seconds to wait for late lines; at most 5"),
        ("limit" = Option<u32>, Query, description = "How many lines of before are sent first; 100 unless told"),
        ("start" = Option<String>, Query, description = "Since when; an hour ago unless told"),
        ("ticket" = Option<String>, Query, description = "From `POST /api/v1/auth/ws-ticket`")),
    responses((status = 101, description = "the socket is open"),
        (status = 400, body = String, content_type = "text/plain"),
        (status = 426, body = String, content_type = "text/plain")))]
pub async fn socket(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    asked: Asked,
) -> Result<Response, Failure> {
    let Some(text) = asked.text("query") else {
        return Err(Failure::Bad("query is missing".to_owned()));
    };
    let log = logql::parse_log(text)?;
    let filter = record::filter(&narrow(&log))?;
    let pipeline = Pipeline::of(&log).map_err(Failure::Bad)?;
    let delay = asked.count("delay_for")?.unwrap_or(0);
    if delay > MOST_DELAY_S {
        return Err(Failure::Bad("delay_for can't be greater than 5".to_owned()));
    }
    let limit = asked.limit()?;
    let start_ns = asked.time("start")?;
    let from_ns = start_ns.unwrap_or(asked.now_ns.saturating_sub(3_600 * NS));
    let Ok(upgrade) = upgrade else {
        let why = "a WebSocket is needed";
        return Ok((StatusCode::UPGRADE_REQUIRED, why).into_response());
    };
    let place = Place::take().map_err(|_| Failure::Unavailable)?;
    let scope = allowed.scope();
    let tail = Tail::begin(&gateway.db, scope).await?;
    let before = Query {
        filter: filter.clone(),
        from_ns,
        to_ns: i64::MAX,
    };
    let before = logs::search(&gateway.db, scope, &before, None, limit)
        .await?
        .records;
    let before = Arrived {
        records: before.into_iter().rev().collect(),
        dropped: 0,
    };
    let watch = Watch {
        principal: allowed.principal().clone(),
        gateway,
        filter,
        tail,
        delay: Duration::from_secs(delay as u64),
        frames: Streams { pipeline },
    };
    Ok(watch.begin(upgrade, place, before))
}

/// One frame for what came together.
struct Streams {
    pipeline: Pipeline,
}

impl Frames for Streams {
    fn of(&mut self, arrived: Arrived, now_ns: i64) -> Vec<String> {
        let mut lines: Vec<Line> = Vec::with_capacity(arrived.records.len());
        for record in arrived.records {
            let mut line = record::line(record, Show::Everything);
            if self.pipeline.run(&mut line) {
                lines.push(line);
            }
        }
        let dropped = arrived.dropped;
        if lines.is_empty() && dropped == 0 {
            return Vec::new();
        }
        let told = json!([{
            "timestamp": now_ns.to_string(),
            "labels": {"dropped_lines": dropped.to_string()},
        }]);
        let told = if dropped > 0 { told } else { Value::Null };
        let frame = json!({"streams": answer::streams(lines, false), "dropped_entries": told});
        vec![frame.to_string()]
    }
}
