//! From a body to the log: walk, append, answer after the sync.

use std::sync::Arc;

use access::body::Encoding;
use access::telemetry_limits::TelemetryLimits;
use axum::http::HeaderValue;
use bytes::Bytes;
use eventlog::NewRecord;
use schemas::codec::{CodecError, Message};
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::telemetry::{Telemetry as Messages, TelemetryReceived};
use xxhash_rust::xxh3::xxh3_128;

use super::notes;
use super::routes::Signal;
use super::unanswered::Underway;
use super::walk::{self, Walked};
use crate::admission::Sender;
use crate::{IngestState, Refusal};

/// Bodies over this many bytes are walked beside the threads that serve requests.
const LARGE_BYTES: usize = 64 << 10;

/// A body as it was sent.
pub(super) struct Body {
    pub(super) signal: Signal,
    pub(super) format: &'static str,
    pub(super) encoding: Encoding,
    pub(super) sent: Bytes,
    /// What the request's path says of where the items come from.
    pub(super) origin: Option<String>,
    /// What the sender calls it; the same where it sends it again.
    pub(super) idempotency_key: Option<HeaderValue>,
}

/// Walks a body and appends it; on return it is durable.
pub(super) async fn store(
    state: &Arc<IngestState>,
    sender: &Sender,
    body: Body,
    context: &Context,
) -> Result<Walked, Refusal> {
    let scope = sender.scope();
    let limits = limits_of(state, scope.tenant());
    let (bytes, most) = (body.sent.len(), limits.bytes_per_second);
    state.telemetry.rates.charge(scope.tenant(), most, bytes);
    let walk = walk::Walk {
        signal: body.signal,
        format: body.format,
        encoding: body.encoding,
        tenant: scope.tenant(),
        project: scope.project(),
        limits,
        received_at: context.now(),
        origin: body.origin.clone(),
    };
    let walking = walk_beside(state, walk, &body.sent).await;
    notes::usage(state, scope, bytes, context);
    let (mut walked, hash) = walking?;
    walked.bytes = bytes as u64;
    if let Some(offender) = walked.offender.take() {
        notes::limit_reached(state, scope, body.signal, &limits, offender, context);
    }
    // Who is answered item by item learns there that none was taken: a refusal of the whole
    // would be sent again for ever.
    let nothing = walked.taken.items + walked.taken.histograms == 0 && walked.skipped.items > 0;
    if nothing && walked.answered.is_empty() {
        return Err(Refusal::NothingTaken {
            items: walked.skipped.items,
            first: walked.skipped.first.unwrap_or_default(),
        });
    }
    if walked.taken.is_empty() {
        return Ok(walked);
    }
    let underway = underway(state, scope.project(), &body, &walked, hash, context);
    let hash = match &underway {
        Some(underway) => underway.name(),
        None => body.named(&walked, hash),
    };
    let signal = body.signal;
    let received = TelemetryReceived {
        format: body.format.to_owned(),
        encoding: body.encoding.name().to_owned(),
        received_at: context.now(),
        body_hash: hash.to_be_bytes().to_vec(),
        body: body.sent.into(),
        max_age_ms: state.telemetry.settings.max_age_ms,
        refused_runs: std::mem::take(&mut walked.runs).into_vec(),
        active_limit: i64::try_from(limits.active_series).ok(),
        origin: body.origin,
    };
    let record = record(signal, sender, context, received)?;
    state.log.append(vec![record]).await?;
    if let Some(underway) = underway {
        underway.stored();
    }
    Ok(walked)
}

/// Equal bodies are repeats where their items have times of their own, or where their sender
/// says so; else only where the one before was not answered, which has to be remembered.
fn underway<'a>(
    state: &'a IngestState,
    project: ProjectId,
    body: &Body,
    walked: &Walked,
    hash: u128,
    context: &Context,
) -> Option<Underway<'a>> {
    if !walked.timed_by_arrival || body.idempotency_key.is_some() {
        return None;
    }
    let placed = body.placed(project, hash);
    let unanswered = &state.telemetry.unanswered;
    Some(unanswered.begin(placed, context.now(), || context.id().as_u128()))
}

impl Body {
    /// By what the projection tells it from others of its project, format and origin.
    fn named(&self, walked: &Walked, hash: u128) -> u128 {
        match &self.idempotency_key {
            Some(key) if walked.timed_by_arrival => {
                let mut text = hash.to_be_bytes().to_vec();
                text.extend_from_slice(key.as_bytes());
                xxh3_128(&text)
            }
            _ => hash,
        }
    }

    /// Tells it from equal bytes of another project, format or origin.
    fn placed(&self, project: ProjectId, hash: u128) -> u128 {
        let mut text = hash.to_be_bytes().to_vec();
        text.extend_from_slice(project.0.as_bytes());
        text.extend_from_slice(self.format.as_bytes());
        text.extend_from_slice(self.origin.as_deref().unwrap_or_default().as_bytes());
        xxh3_128(&text)
    }
}

/// Large bodies would hold up the requests that share their thread.
async fn walk_beside(
    state: &Arc<IngestState>,
    walk: walk::Walk,
    sent: &Bytes,
) -> Result<(Walked, u128), Refusal> {
    if sent.len() <= LARGE_BYTES {
        return walk.run(&state.telemetry, sent);
    }
    let (state, sent) = (state.clone(), sent.clone());
    tokio::task::spawn_blocking(move || walk.run(&state.telemetry, &sent))
        .await
        .map_err(|_| Refusal::Panicked)?
}

/// What holds for `tenant` now.
pub(super) fn limits_of(state: &IngestState, tenant: TenantId) -> TelemetryLimits {
    let own = state.keyring.telemetry_limits(tenant);
    state.telemetry.settings.allowance.of(own.as_ref())
}

fn record(
    signal: Signal,
    sender: &Sender,
    context: &Context,
    received: TelemetryReceived,
) -> Result<NewRecord, CodecError> {
    let (id, scope) = (context.id(), sender.scope());
    let subject = scope.project().to_string();
    let mut envelope = Envelope::of(scope, id, TelemetryReceived::KIND, "/ingest", subject);
    envelope.time = context.now();
    NewRecord::of(signal.topic(), &envelope, &Messages::from(received))
}
