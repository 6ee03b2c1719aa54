//! New records as they arrive, over a WebSocket of their own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use access::principal::Principal;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use projections::telemetry::logs::{Arrived, Filter, Record, Tail};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, timeout};
use utoipa::IntoParams;

use super::which::Which;
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::live::socket::until_over;
use crate::operations::Allowed;
use crate::parameters::Query;

/// Looks happen when the store has moved, but not more often than this.
pub(in crate::routes) const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A look without a sign that there is something.
pub(in crate::routes) const LOOK_ANYWAY: Duration = Duration::from_secs(2);
/// Records of one look; of more the oldest are dropped, and their number is told.
pub(in crate::routes) const MOST_RECORDS: usize = 500;
/// A client that does not take a burst in this time is too slow.
pub(in crate::routes) const PATIENCE: Duration = Duration::from_secs(10);
pub(in crate::routes) const PING_EVERY: Duration = Duration::from_secs(25);
pub(in crate::routes) const MAX_CLIENT_MESSAGE: usize = 4096;
/// Sockets of this gateway that look on at once.
const MOST_TAILS: usize = 100;

static TAILS: AtomicUsize = AtomicUsize::new(0);

/// For the handshake.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Handshake {
    /// From `POST /api/v1/auth/ws-ticket`.
    pub ticket: Option<String>,
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
    Query(which): Query<Which>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let filter = which.filter()?;
    let upgrade = upgrade.map_err(|_| Error::UpgradeNeeded)?;
    let place = Place::take()?;
    let tail = Tail::begin(&gateway.db, allowed.scope()).await?;
    let principal = allowed.principal().clone();
    let upgrade = upgrade.max_message_size(MAX_CLIENT_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        serve(gateway, socket, principal, filter, tail).await;
        drop(place);
    }))
}

/// One of [`MOST_TAILS`].
pub(in crate::routes) struct Place;

impl Place {
    pub(in crate::routes) fn take() -> Result<Self, Error> {
        if TAILS.fetch_add(1, Ordering::Relaxed) < MOST_TAILS {
            return Ok(Self);
        }
        TAILS.fetch_sub(1, Ordering::Relaxed);
        metrics::counter!("gateway_log_tails_refused_total").increment(1);
        Err(Error::Unavailable("too many look on already".to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAILS.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve(
    gateway: Gateway,
    mut socket: WebSocket,
    principal: Principal,
    filter: Filter,
    tail: Tail,
) {
    if let Some((code, reason)) = talk(&gateway, &mut socket, &principal, &filter, tail).await {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let goodbye = socket.send(Message::Close(Some(frame)));
        // A client that does not even take this is dropped with its connection.
        drop(timeout(PATIENCE, goodbye).await);
    }
}

/// Sends until the socket ends; Some where the end is ours.
async fn talk(
    gateway: &Gateway,
    socket: &mut WebSocket,
    principal: &Principal,
    filter: &Filter,
    mut tail: Tail,
) -> Option<(u16, &'static str)> {
    let over = until_over(gateway, principal);
    tokio::pin!(over);
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut moved = gateway.progress.moved();
    let mut since_looked = LOOK_ANYWAY;
    loop {
        tokio::select! {
            () = &mut over => return Some((4401, "the session is over")),
            _ = look.tick() => {
                since_looked += LOOK_EVERY;
                // Progress owns the sender, so this fails never.
                if moved.has_changed().unwrap_or(true) || since_looked >= LOOK_ANYWAY {
                    moved.mark_unchanged();
                    since_looked = Duration::ZERO;
                    // Without Postgres nothing arrives; the next look tries again.
                    let looked = tail.look(&gateway.db, principal.scope(), filter, MOST_RECORDS);
                    if let Ok(arrived) = looked.await {
                        match timeout(PATIENCE, send(socket, &arrived)).await {
                            Ok(sent) => sent.ok()?,
                            Err(_) => return Some((4408, "too slow")),
                        }
                    }
                }
            }
            _ = ping.tick() => {
                let ping = socket.send(Message::Ping(Default::default()));
                timeout(PATIENCE, ping).await.ok()?.ok()?;
            }
            said = socket.next() => match said {
                None | Some(Err(_) | Ok(Message::Close(_))) => return None,
                Some(Ok(_)) => {}
            },
        }
    }
}

async fn send(socket: &mut WebSocket, arrived: &Arrived) -> Result<(), axum::Error> {
    let dropped = Frame::Dropped {
        count: arrived.dropped,
    };
    let dropped = (arrived.dropped > 0).then_some(dropped);
    if arrived.dropped > 0 {
        metrics::counter!("gateway_log_tail_dropped_total").increment(arrived.dropped);
    }
    let records = arrived.records.iter().map(|record| Frame::Log { record });
    for frame in dropped.into_iter().chain(records) {
        let text = serde_json::to_string(&frame).unwrap_or_default();
        socket.feed(Message::Text(text.into())).await?;
    }
    socket.flush().await
}
