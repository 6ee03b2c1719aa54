//! Serves HTTP on a port, and bounds what a connection may take of time and room before
//! and between its requests, whoever it is of. What a request may take is bounded where
//! it is read.

mod room;

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use metrics::counter;
use pin_project_lite::pin_project;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::io::InspectReader;
use tokio_util::sync::CancellationToken;
use tower::Service;

use self::room::{Quiet, Room};
use super::slashes;
use super::unread::{self, Lender};
use crate::open_files;

/// How long open connections may go on after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// Connections of a process, however many files it may have open.
const MOST_CONNECTIONS: usize = 20_000;
/// Request line and headers of a request, in bytes; then 431.
const MOST_HEAD_BYTES: u32 = 64 * 1024;
/// What a connection of HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How soon a preface of which a part has come is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What connections may take.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// From the first byte of a request to the end of its headers, and from the opening
    /// of a connection to what tells HTTP/1 from HTTP/2.
    head: Duration,
    /// How long a connection of HTTP/1 is kept without a request. Proxies and load
    /// balancers keep theirs for ten minutes at most, and must be the first to close:
    /// the other way round a request can meet a connection that is just being closed.
    /// It is less where room runs out.
    idle: Duration,
    /// How often a client of HTTP/2 is asked whether it is there.
    ping: Duration,
    /// How long it has to answer.
    pong: Duration,
    /// How many more this process takes.
    room: Arc<Room>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            idle: Duration::from_secs(11 * 60),
            ping: Duration::from_secs(30),
            pong: Duration::from_secs(20),
            room: Arc::new(Room::of(most(open_files::limit()))),
        }
    }
}

/// How many connections are taken where so many files may be open: the log, segments,
/// Postgres and sockets that were upgraded need some too.
fn most(files: u64) -> usize {
    usize::try_from(files / 2).map_or(MOST_CONNECTIONS, |half| half.min(MOST_CONNECTIONS))
}

/// Serves until `shutdown`; what is under way then is finished.
pub(super) async fn serve(
    mut listener: TcpListener,
    router: Router,
    bounds: Bounds,
    shutdown: CancellationToken,
) {
    // Once for all requests.
    let router: Router = router.with_state(());
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, address) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = shutdown.cancelled() => break,
        };
        let Some(place) = bounds.room.place() else {
            refused();
            continue;
        };
        let (bounds, shutdown) = (bounds.clone(), shutdown.clone());
        let (router, watcher) = (router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let place = match shutdown.run_until_cancelled(place.taken()).await {
                Some(Some(place)) => place,
                Some(None) => return refused(),
                None => return,
            };
            let spoken = timeout(bounds.head, language(&stream));
            // Who has said nothing when the process stops has nothing under way.
            let spoken = shutdown.run_until_cancelled(spoken).await;
            if let Some(Ok(Some(language))) = spoken {
                let ended = match language {
                    Language::Http1 => {
                        let _under_way = watcher;
                        serve_http1(stream, address, router, &bounds, &shutdown).await
                    }
                    Language::Http2 => serve_http2(stream, address, router, &bounds, watcher).await,
                };
                if let Err(error) = ended {
                    tracing::trace!(%error, %address, "a connection broke off");
                }
            }
            drop(place);
        });
    }
    drop(listener);
    // Connections that will not end are cut; their clients resume elsewhere.
    timeout(DRAIN, graceful.shutdown()).await.ok();
}

fn refused() {
    counter!("http_connections_refused_total").increment(1);
}

#[derive(Debug, Clone, Copy)]
enum Language {
    Http1,
    Http2,
}

/// What the client speaks, by its first bytes, which stay unread; None where it has gone.
async fn language(stream: &TcpStream) -> Option<Language> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut seen).await.ok()?;
        match PREFACE.strip_prefix(&seen[..count]) {
            _ if count == 0 => return None,
            None => return Some(Language::Http1),
            Some([]) => return Some(Language::Http2),
            // Nothing wakes who waits for more than there is.
            Some(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

async fn serve_http1(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    bounds: &Bounds,
    shutdown: &CancellationToken,
) -> hyper::Result<()> {
    let lender = Lender::default();
    let seat = bounds.room.seat();
    let called = seat.quiet.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        // It may have been read together with the one before.
        called.heard();
        unread::answer(router.clone(), lender.clone(), prepared(request, address))
    });
    let heads = Heads {
        quiet: seat.quiet.clone(),
        limit: bounds.head,
    };
    let read = seat.quiet.clone();
    let stream = InspectReader::new(stream, move |_: &[u8]| read.heard());
    let connection = http1::Builder::new()
        .timer(heads)
        .header_read_timeout(bounds.idle)
        .max_header_size(MOST_HEAD_BYTES as usize)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // As a watcher does, which knows no connection that can be upgraded. The connection
    // comes first: what has come is read before it is asked to leave.
    tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = seat.quiet.asked_to_leave() => {
            connection.as_mut().graceful_shutdown();
            // Who does not take its last answer is cut, as it would have been.
            timeout(bounds.idle, connection).await.unwrap_or(Ok(()))
        }
    }
}

async fn serve_http2(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    bounds: &Bounds,
    watcher: Watcher,
) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        router.clone().call(prepared(request, address))
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(bounds.ping)
        .keep_alive_timeout(bounds.pong)
        .max_header_list_size(MOST_HEAD_BYTES)
        // For WebSockets.
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(stream), service);
    watcher.watch(connection).await
}

/// As the routes expect it: they take the path as it is, and ask who has sent it.
fn prepared(request: Request<Incoming>, address: SocketAddr) -> Request<Incoming> {
    let mut request = slashes::needed(request);
    request.extensions_mut().insert(ConnectInfo(address));
    request
}

/// Times the heads of one connection of HTTP/1. hyper has one limit for the wait for a
/// head and for the head itself; the first must be long and the second short.
struct Heads {
    quiet: Arc<Quiet>,
    limit: Duration,
}

impl Timer for Heads {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.quiet.waits(deadline);
        Box::pin(Head {
            quiet: self.quiet.clone(),
            limit: self.limit,
            begun: false,
            timer: tokio::time::sleep_until(deadline.into()),
        })
    }
}

pin_project! {
    /// The limit of one head: the nearer one from its first byte on. What is read wakes
    /// who polls this.
    struct Head {
        quiet: Arc<Quiet>,
        limit: Duration,
        begun: bool,
        #[pin]
        timer: tokio::time::Sleep,
    }
}

impl Future for Head {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if !*this.begun && this.quiet.is_heard() {
            *this.begun = true;
            let deadline = tokio::time::Instant::now() + *this.limit;
            this.timer.as_mut().reset(deadline);
        }
        this.timer.poll(context)
    }
}

impl Sleep for Head {}

#[cfg(test)]
mod tests;
