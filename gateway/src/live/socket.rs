//! `GET /ws`: one socket, from its handshake to its end.

use std::time::Duration;

use access::principal::{Grant, Principal};
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::stream::{self, BoxStream, SelectAll, SplitSink, SplitStream, once};
use futures::{FutureExt, SinkExt, Stream, StreamExt};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep, timeout};
use utoipa::IntoParams;
use uuid::Uuid;

use super::hub::{Ending, Joined, Joining};
use super::readable::Readable;
use super::{Live, Resume};
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::parameters::Query;

const PING_EVERY: Duration = Duration::from_secs(25);
/// How soon a revoked credential closes its socket.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a closing frame may take.
const GOODBYE: Duration = Duration::from_secs(5);
/// What is sent in one go.
const BURST: usize = 64;
/// Clients have nothing to say but close and pong.
const MAX_CLIENT_MESSAGE: usize = 4096;
/// Each look at a socket clears this much memory first, so that the usual 128 KiB
/// would cost more than everything else that a frame does.
const READ_BUFFER: usize = 512;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Handshake {
    /// From `POST /api/v1/auth/ws-ticket`.
    pub ticket: Option<String>,
    /// Which project the caller takes the credential to be for.
    pub project: Option<Uuid>,
    /// Both as last seen, to go on from there.
    pub epoch: Option<String>,
    pub seq: Option<u64>,
}

/// Live changes
///
/// A WebSocket. The first message is `hello` with `epoch`, `seq` and `project_id`; then
/// each message says what has changed (`type`, `project_id`, `key`, `seq`), and `resync`
/// says to refetch everything. `behind` with the time `since` says that read models do not
/// follow the log, so that changes do not show; its `since` is null once they follow again,
/// and a `hello` meanwhile has `behind_since`. Types that are not known are to be ignored.
/// Needs the session cookie with a matching Origin, a Bearer header, or a single-use
/// ticket. Closes with 4401 when the session is over, 4408 when the client is too slow,
/// 4409 at once when `project` is not that of the credential, 1012 at a restart.
#[utoipa::path(get, path = "/ws", operation_id = "ws", tag = "live", params(Handshake),
    responses((status = 101, description = "the socket is open"), (status = 426, body = Problem)))]
pub async fn ws(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(handshake): Query<Handshake>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let upgrade = upgrade.map_err(|_| Error::UpgradeNeeded)?;
    let resume = handshake.epoch.zip(handshake.seq);
    let resume = resume.map(|(epoch, seq)| Resume { epoch, seq });
    let principal = allowed.principal().clone();
    if is_elsewhere(&principal, handshake.project) {
        return Ok(turn_away(upgrade));
    }
    let upgrade = for_telling(upgrade);
    Ok(upgrade.on_upgrade(move |socket| serve(gateway, socket, principal, resume)))
}

/// Sized for a client that listens.
pub(crate) fn for_telling(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(MAX_CLIENT_MESSAGE)
        .read_buffer_size(READ_BUFFER)
}

/// Whether the caller asked for another project than the credential is for.
pub(crate) fn is_elsewhere(principal: &Principal, asked: Option<Uuid>) -> bool {
    asked.is_some_and(|asked| asked != principal.scope().project().0)
}

/// Tells a caller who [is elsewhere](is_elsewhere). Browsers hide from a page why a
/// handshake was refused, so it is told behind the handshake.
pub(crate) fn turn_away(upgrade: WebSocketUpgrade) -> Response {
    for_telling(upgrade).on_upgrade(|mut socket| async move {
        let goodbye = socket.send(Message::Close(Some(CloseFrame {
            code: 4409,
            reason: "the credential is for another project".into(),
        })));
        // A client that does not even take this is dropped with its connection.
        drop(timeout(GOODBYE, goodbye).await);
    })
}

async fn serve(
    gateway: Gateway,
    mut socket: WebSocket,
    principal: Principal,
    resume: Option<Resume>,
) {
    let who = joining(&principal);
    let live = gateway.live.clone();
    let mut joined = live.hub.lock().join(who, resume.as_ref());
    let ending = talk(&gateway, &mut socket, &principal, &mut joined).await;
    live.leave(who, joined.id);
    if let Some(ending) = ending {
        let goodbye = socket.send(Message::Close(Some(close_frame(ending))));
        // A client that does not even take this is dropped with its connection.
        drop(timeout(GOODBYE, goodbye).await);
    }
}

/// What may happen to a socket besides a frame for it.
enum Event {
    Ended(Ending),
    PingIsDue,
    ClientIsGone,
}

/// Each of these streams is polled only when it was woken: what a frame costs is
/// paid a thousand times for a thousand sockets.
type Events<'a> = SelectAll<BoxStream<'a, Event>>;

/// Sends until the socket ends; Some where the end is ours.
async fn talk(
    gateway: &Gateway,
    socket: &mut WebSocket,
    principal: &Principal,
    joined: &mut Joined,
) -> Option<Ending> {
    let mut burst = std::mem::take(&mut joined.first);
    let (mut out, said) = socket.split();
    let mut events = Events::new();
    events.push(once(ended(&mut joined.ending)).map(Event::Ended).boxed());
    let over = until_over(gateway, principal).map(|()| Event::Ended(Ending::SessionOver));
    events.push(once(over).boxed());
    events.push(once(until_gone(said)).boxed());
    events.push(pings().boxed());
    loop {
        if !burst.is_empty()
            && let Err(end) = send_all(&mut out, &mut burst, &mut events).await
        {
            return end;
        }
        // In any order, so that neither can keep the other waiting.
        tokio::select! {
            Some(event) = events.next() => match event {
                Event::Ended(ending) => return Some(ending),
                Event::ClientIsGone => return None,
                Event::PingIsDue => {
                    let ping = out.send(Message::Ping(Default::default()));
                    timeout(PING_EVERY, ping).await.ok()?.ok()?;
                }
            },
            taken = joined.frames.recv_many(&mut burst, BURST) => if taken == 0 {
                return Some(Ending::Restart);
            },
        }
    }
}

/// Frames of a burst share one flush, and so one packet where they fit. The error is
/// what [`talk`] ends with.
async fn send_all(
    out: &mut SplitSink<&mut WebSocket, Message>,
    burst: &mut Vec<Utf8Bytes>,
    events: &mut Events<'_>,
) -> Result<(), Option<Ending>> {
    let sending = async {
        for frame in burst.drain(..) {
            out.feed(Message::Text(frame)).await?;
        }
        out.flush().await
    };
    tokio::pin!(sending);
    loop {
        tokio::select! {
            biased;
            sent = &mut sending => return sent.map_err(|_| None),
            Some(event) = events.next() => match event {
                Event::Ended(ending) => return Err(Some(ending)),
                Event::ClientIsGone => return Err(None),
                // What is being sent shows as well whether the client is there.
                Event::PingIsDue => {}
            },
        }
    }
}

fn pings() -> impl Stream<Item = Event> {
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::poll_fn(move |context| ping.poll_tick(context).map(|_| Some(Event::PingIsDue)))
}

/// Reads on, since only that shows the end of a connection.
async fn until_gone(mut said: SplitStream<&mut WebSocket>) -> Event {
    while let Some(Ok(message)) = said.next().await {
        if matches!(message, Message::Close(_)) {
            break;
        }
    }
    Event::ClientIsGone
}

async fn ended(ending: &mut watch::Receiver<Option<Ending>>) -> Ending {
    match ending.wait_for(Option::is_some).await {
        Ok(ending) => ending.unwrap_or(Ending::Restart),
        Err(_) => Ending::Restart,
    }
}

/// Pends until the credential ends, by itself or because it was ended.
pub(crate) async fn until_over(gateway: &Gateway, principal: &Principal) {
    let by_itself = until_expired(gateway, principal);
    tokio::pin!(by_itself);
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut by_itself => return,
            _ = look.tick() => if !gateway.still_admits(principal) {
                return;
            },
        }
    }
}

async fn until_expired(gateway: &Gateway, principal: &Principal) {
    match principal.expires_at() {
        Some(at) => {
            let left = at.millis_since(gateway.clock.now()).max(0);
            sleep(Duration::from_millis(left.unsigned_abs())).await;
        }
        None => std::future::pending().await,
    }
}

fn joining(principal: &Principal) -> Joining {
    let scope = principal.scope();
    Joining {
        tenant: scope.tenant(),
        project: scope.project(),
        user: principal.user(),
        may: Readable::of(principal),
        session: match principal.grant() {
            Grant::Member { session, .. } => Some(*session),
            Grant::Key { .. } => None,
        },
    }
}

fn close_frame(ending: Ending) -> CloseFrame {
    let (code, reason) = match ending {
        Ending::SessionOver => (4401, "the session is over"),
        Ending::TooSlow => (4408, "too slow"),
        Ending::Restart => (1012, "restart"),
    };
    CloseFrame {
        code,
        reason: reason.into(),
    }
}

impl Live {
    fn leave(&self, who: Joining, id: u64) {
        self.hub.lock().leave(who, id);
    }
}
