//! One sender's connection: cut into messages, gathered for a moment, stored.

use std::sync::Arc;
use std::time::Duration;

use access::body::Encoding;
use access::permissions::Action;
use axum::http::StatusCode;
use bytes::{Buf, BytesMut};
use metrics::counter;
use protocols::refused::Refused;
use protocols::syslog::frame;
use schemas::context::Context;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Body};
use super::{FORMAT, Port};
use crate::telemetry::routes::Signal;
use crate::telemetry::store::{self, limits_of};
use crate::{IngestState, Refusal, admission};

/// How long messages are gathered: one record for many costs less than many.
const LINGER: Duration = Duration::from_millis(20);
/// Between attempts to store what could not be.
pub(super) const RETRY: Duration = Duration::from_secs(1);
const READ_BYTES: usize = 64 << 10;

/// Why a connection ends before its sender ends it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Closed {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Unframed(#[from] Refused),
    #[error("a message carries no key, and the port has none")]
    Nobodys,
    #[error(transparent)]
    Denied(Refusal),
}

pub(super) async fn serve(
    mut socket: TcpStream,
    state: &Arc<IngestState>,
    port: &Port,
    stop: &CancellationToken,
) -> Result<(), Closed> {
    let (mut read, mut batch) = (BytesMut::new(), Batch::default());
    let mut ended = false;
    while !ended {
        let gathered = gather(&mut socket, &mut read, &mut batch, port, stop).await;
        // What came before an error is stored all the same.
        for body in batch.take() {
            keep(state, body, stop).await?;
        }
        ended = gathered?;
    }
    Ok(())
}

/// Reads until something was gathered for long enough; true = nothing more comes.
async fn gather(
    socket: &mut TcpStream,
    read: &mut BytesMut,
    batch: &mut Batch,
    port: &Port,
    stop: &CancellationToken,
) -> Result<bool, Closed> {
    let mut until = None;
    loop {
        cut(read, batch, port)?;
        if batch.is_full() {
            return Ok(false);
        }
        if !batch.is_empty() {
            until.get_or_insert_with(|| Instant::now() + LINGER);
        }
        read.reserve(READ_BYTES);
        let reading = stop.run_until_cancelled(socket.read_buf(read));
        let came = match until {
            None => reading.await,
            Some(until) => match timeout_at(until, reading).await {
                Ok(came) => came,
                Err(_) => return Ok(false),
            },
        };
        match came {
            Some(Ok(1..)) => {}
            None => return Ok(true),
            Some(Ok(0)) => {
                last(read, batch, port)?;
                return Ok(true);
            }
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

/// Takes the whole messages from what was read.
fn cut(read: &mut BytesMut, batch: &mut Batch, port: &Port) -> Result<(), Closed> {
    while !batch.is_full()
        && let Some(frame) = frame(read)?
    {
        let consumed = frame.consumed;
        if !frame.message.trim_ascii().is_empty() {
            add(frame.message, batch, port)?;
        }
        read.advance(consumed);
    }
    Ok(())
}

/// The last line needs no end; of a message by its length all must be there.
fn last(read: &mut BytesMut, batch: &mut Batch, port: &Port) -> Result<(), Closed> {
    let rest = std::mem::take(read);
    if rest.trim_ascii().starts_with(b"<") {
        add(&rest, batch, port)?;
    } else if !rest.is_empty() {
        dropped("cut_off", 1);
    }
    Ok(())
}

fn add(message: &[u8], batch: &mut Batch, port: &Port) -> Result<(), Closed> {
    batch.add(message, port).map_err(|_| {
        dropped("no_key", 1);
        Closed::Nobodys
    })
}

/// Stores one body, however long it takes; an error closes the connection.
async fn keep(
    state: &Arc<IngestState>,
    body: Body,
    stop: &CancellationToken,
) -> Result<(), Closed> {
    let (messages, framed) = (body.messages, bytes::Bytes::from(body.framed));
    // One time over all attempts. What was stored unseen is a repeat (`unanswered`).
    let context = Context::ambient(&state.clock);
    loop {
        let refusal = match attempt(state, &body.key, framed.clone(), &context).await {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        match refusal.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                counter!("ingest_syslog_waits_total", "reason" => refusal.rule()).increment(1);
                if stop.run_until_cancelled(sleep(RETRY)).await.is_none() {
                    dropped("shutdown", messages);
                    return Ok(());
                }
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                dropped(refusal.rule(), messages);
                return Err(Closed::Denied(refusal));
            }
            _ => {
                tracing::info!(%refusal, messages, "syslog: messages were refused");
                dropped(refusal.rule(), messages);
                return Ok(());
            }
        }
    }
}

async fn attempt(
    state: &Arc<IngestState>,
    key: &str,
    framed: bytes::Bytes,
    context: &Context,
) -> Result<(), Refusal> {
    // The key is asked for anew: it may be revoked while messages wait.
    let now = Context::ambient(&state.clock);
    let sender = admission::admit_key(state, key, &now)?;
    sender.may_send(Action::IngestLogs)?;
    let tenant = sender.scope().tenant();
    let most = limits_of(state, tenant).bytes_per_second;
    state.telemetry.rates.admit(tenant, most, now.now())?;
    let body = store::Body {
        signal: Signal::Logs,
        format: FORMAT,
        encoding: Encoding::Identity,
        sent: framed,
        origin: None,
        idempotency_key: None,
    };
    let stored = store::store(state, &sender, body, context).await;
    super::super::meter(state, &sender, Signal::Logs, stored.as_ref());
    let walked = stored?;
    admission::note_use(state, &sender, &now);
    walked.count(Signal::Logs, FORMAT, &tenant.to_string());
    Ok(())
}

fn dropped(reason: &'static str, messages: u64) {
    counter!("ingest_syslog_dropped_total", "reason" => reason).increment(messages);
}
