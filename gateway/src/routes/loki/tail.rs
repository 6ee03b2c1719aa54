//! Lines as they arrive, over a WebSocket, in Loki's frames.

use std::collections::HashSet;
use std::time::Duration;

use access::principal::Principal;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use logql::ast::LogExpr;
use logql::narrow::narrow;
use logql::{Line, Pipeline};
use projections::telemetry::logs::{self, Filter, Query, Record, Tail};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::asked::Asked;
use super::record::{self, Show};
use super::{Failure, NS, answer};
use crate::Gateway;
use crate::live::socket::until_over;
use crate::operations::Allowed;
use crate::routes::logs::tail::{
    LOOK_ANYWAY, LOOK_EVERY, MAX_CLIENT_MESSAGE, MOST_RECORDS, PATIENCE, PING_EVERY, Place,
};

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
    let looks = Looks::of(&logql::parse_log(text)?)?;
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
        filter: looks.filter.clone(),
        from_ns,
        to_ns: i64::MAX,
    };
    let before = logs::search(&gateway.db, scope, &before, None, limit)
        .await?
        .records;
    let principal = allowed.principal().clone();
    let upgrade = upgrade.max_message_size(MAX_CLIENT_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut watched = Watched {
            gateway,
            socket,
            principal,
            looks,
            tail,
            sent: before.iter().map(|record| record.id.clone()).collect(),
        };
        let over = watched
            .talk(before, Duration::from_secs(delay as u64))
            .await;
        if let Some((code, reason)) = over {
            let reason = reason.into();
            let goodbye = Message::Close(Some(CloseFrame { code, reason }));
            // A client that does not even take this is dropped with its connection.
            drop(timeout(PATIENCE, watched.socket.send(goodbye)).await);
        }
        drop(place);
    }))
}

/// What is looked for.
struct Looks {
    filter: Filter,
    pipeline: Pipeline,
}

impl Looks {
    fn of(log: &LogExpr) -> Result<Self, Failure> {
        Ok(Self {
            filter: record::filter(&narrow(log))?,
            pipeline: Pipeline::of(log).map_err(Failure::Bad)?,
        })
    }

    /// None where there is nothing to tell.
    fn frame(&self, records: Vec<Record>, dropped: u64, now_ns: i64) -> Option<Value> {
        let mut lines: Vec<Line> = Vec::with_capacity(records.len());
        for record in records {
            let mut line = record::line(record, Show::Everything);
            if self.pipeline.run(&mut line) {
                lines.push(line);
            }
        }
        if lines.is_empty() && dropped == 0 {
            return None;
        }
        let told = json!([{
            "timestamp": now_ns.to_string(),
            "labels": {"dropped_lines": dropped.to_string()},
        }]);
        let told = if dropped > 0 { told } else { Value::Null };
        Some(json!({"streams": answer::streams(lines, false), "dropped_entries": told}))
    }
}

/// A socket with who looks and what was sent before the first look.
struct Watched {
    gateway: Gateway,
    socket: WebSocket,
    principal: Principal,
    looks: Looks,
    tail: Tail,
    sent: HashSet<String>,
}

impl Watched {
    /// Sends until the socket ends; Some where the end is ours.
    async fn talk(
        &mut self,
        mut before: Vec<Record>,
        delay: Duration,
    ) -> Option<(u16, &'static str)> {
        before.reverse();
        if let Some(end) = self.send(before, 0).await {
            return end;
        }
        let (gateway, principal) = (self.gateway.clone(), self.principal.clone());
        let over = until_over(&gateway, &principal);
        tokio::pin!(over);
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK_EVERY + delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut moved = gateway.progress.moved();
        let mut since_looked = LOOK_ANYWAY;
        loop {
            tokio::select! {
                () = &mut over => return Some((4401, "the session is over")),
                _ = look.tick() => {
                    since_looked += LOOK_EVERY;
                    if moved.has_changed().unwrap_or(true) || since_looked >= LOOK_ANYWAY {
                        moved.mark_unchanged();
                        since_looked = Duration::ZERO;
                        if let Some(end) = self.look().await {
                            return end;
                        }
                    }
                }
                _ = ping.tick() => {
                    let ping = self.socket.send(Message::Ping(Default::default()));
                    timeout(PATIENCE, ping).await.ok()?.ok()?;
                }
                said = self.socket.next() => match said {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return None,
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    /// Without Postgres nothing arrives; the next look tries again.
    async fn look(&mut self) -> Option<Option<(u16, &'static str)>> {
        let (db, scope) = (&self.gateway.db, self.principal.scope());
        let looked = self.tail.look(db, scope, &self.looks.filter, MOST_RECORDS);
        let mut arrived = looked.await.ok()?;
        arrived
            .records
            .retain(|record| !self.sent.contains(&record.id));
        self.send(arrived.records, arrived.dropped).await
    }

    /// Some where this was the end.
    async fn send(
        &mut self,
        records: Vec<Record>,
        dropped: u64,
    ) -> Option<Option<(u16, &'static str)>> {
        if dropped > 0 {
            metrics::counter!("gateway_log_tail_dropped_total").increment(dropped);
        }
        let now_ns = self.gateway.clock.now().micros().saturating_mul(1_000);
        let frame = self.looks.frame(records, dropped, now_ns)?;
        let text = frame.to_string();
        match timeout(PATIENCE, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(None),
            Err(_) => Some(Some((4408, "too slow"))),
        }
    }
}
