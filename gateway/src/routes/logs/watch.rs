//! A socket that is sent log records as they arrive, in the frames of its protocol.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use access::principal::Principal;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use projections::telemetry::logs::{Arrived, Filter, Tail};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Gateway;
use crate::error::Error;
use crate::live::socket::{for_telling, until_over};

/// Looks happen when the store has moved, but not more often than this.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A look without a sign that there is something.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);
/// Records of one look; of more the oldest are dropped, and their number is told.
const MOST_RECORDS: usize = 500;
/// A client that does not take a burst in this time is too slow.
const PATIENCE: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(25);
/// Sockets of this gateway that look on at once.
const MOST_WATCHES: usize = 100;

static WATCHES: AtomicUsize = AtomicUsize::new(0);

/// One of [`MOST_WATCHES`].
pub(in crate::routes) struct Place;

impl Place {
    pub(in crate::routes) fn take() -> Result<Self, Error> {
        if WATCHES.fetch_add(1, Ordering::Relaxed) < MOST_WATCHES {
            return Ok(Self);
        }
        WATCHES.fetch_sub(1, Ordering::Relaxed);
        metrics::counter!("gateway_log_tails_refused_total").increment(1);
        Err(Error::Unavailable("too many look on already".to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WATCHES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a protocol tells what arrived; no frame where there is nothing to tell.
pub(in crate::routes) trait Frames: Send + 'static {
    fn of(&mut self, arrived: Arrived, now_ns: i64) -> Vec<String>;
}

/// Who looks on, and at what.
pub(in crate::routes) struct Watch<F> {
    pub(in crate::routes) gateway: Gateway,
    pub(in crate::routes) principal: Principal,
    pub(in crate::routes) filter: Filter,
    pub(in crate::routes) tail: Tail,
    /// How much longer than [`LOOK_EVERY`] a look waits for late records.
    pub(in crate::routes) delay: Duration,
    pub(in crate::routes) frames: F,
}

/// An end of ours: the code and the reason that the client is told.
type Goodbye = (u16, &'static str);

/// Why a socket ends; None where the client is gone.
struct Over(Option<Goodbye>);

impl<F: Frames> Watch<F> {
    /// Tells `before` at once, then what arrives, until one of the two has enough.
    pub(in crate::routes) fn begin(
        mut self,
        upgrade: WebSocketUpgrade,
        place: Place,
        before: Arrived,
    ) -> Response {
        for_telling(upgrade).on_upgrade(move |mut socket| async move {
            let Err(Over(goodbye)) = self.talk(&mut socket, before).await;
            if let Some((code, reason)) = goodbye {
                let reason = reason.into();
                let frame = Message::Close(Some(CloseFrame { code, reason }));
                // A client that does not even take this is dropped with its connection.
                drop(timeout(PATIENCE, socket.send(frame)).await);
            }
            drop(place);
        })
    }

    async fn talk(&mut self, socket: &mut WebSocket, before: Arrived) -> Result<Infallible, Over> {
        let mut sent: HashSet<_> = before.records.iter().map(|sent| sent.id.clone()).collect();
        self.tell(socket, before).await?;
        let (gateway, principal) = (self.gateway.clone(), self.principal.clone());
        let over = until_over(&gateway, &principal);
        tokio::pin!(over);
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK_EVERY + self.delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut moved = gateway.progress.moved();
        let mut since_looked = LOOK_ANYWAY;
        loop {
            tokio::select! {
                () = &mut over => return Err(Over(Some((4401, "the session is over")))),
                _ = look.tick() => {
                    since_looked += look.period();
                    // Progress owns the sender, so this fails never.
                    if moved.has_changed().unwrap_or(true) || since_looked >= LOOK_ANYWAY {
                        moved.mark_unchanged();
                        since_looked = Duration::ZERO;
                        self.look(socket, &mut sent).await?;
                    }
                }
                _ = ping.tick() => {
                    send(socket, vec![Message::Ping(Default::default())]).await?;
                }
                said = socket.next() => match said {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Err(Over(None)),
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    /// The first look may find once more what was sent before it.
    async fn look(
        &mut self,
        socket: &mut WebSocket,
        sent: &mut HashSet<String>,
    ) -> Result<(), Over> {
        let (db, scope) = (&self.gateway.db, self.principal.scope());
        let looked = self.tail.look(db, scope, &self.filter, MOST_RECORDS);
        // Without Postgres nothing arrives; the next look tries again.
        let Ok(mut arrived) = looked.await else {
            return Ok(());
        };
        let sent = std::mem::take(sent);
        arrived.records.retain(|record| !sent.contains(&record.id));
        self.tell(socket, arrived).await
    }

    async fn tell(&mut self, socket: &mut WebSocket, arrived: Arrived) -> Result<(), Over> {
        if arrived.dropped > 0 {
            metrics::counter!("gateway_log_tail_dropped_total").increment(arrived.dropped);
        }
        let now_ns = self.gateway.clock.now().micros().saturating_mul(1_000);
        let frames = self.frames.of(arrived, now_ns);
        let messages = frames.into_iter().map(|text| Message::Text(text.into()));
        send(socket, messages.collect()).await
    }
}

async fn send(socket: &mut WebSocket, messages: Vec<Message>) -> Result<(), Over> {
    let sending = async {
        for message in messages {
            socket.feed(message).await?;
        }
        socket.flush().await
    };
    match timeout(PATIENCE, sending).await {
        Ok(sent) => sent.map_err(|_| Over(None)),
        Err(_) => Err(Over(Some((4408, "too slow")))),
    }
}
