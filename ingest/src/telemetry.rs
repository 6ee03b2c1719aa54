//! Metrics, logs and traces: authenticate, bound, walk, append, answer. A route is one
//! row of [`ROUTES`]; a format is one line in `protocols::formats`.
//!
//! The body goes to the log as it was sent, one record a request. What is decoded
//! here is thrown away: the walk only finds out whether the projection will be able
//! to read it, and what of it lies outside the limits.

mod active;
mod dialect;
pub(crate) mod grpc;
mod rate;
mod routes;
mod walk;

use std::sync::Arc;

use access::body::{self, Encoding, Limits};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::{Router, http};
use bytes::Bytes;
use eventlog::NewRecord;
use metrics::counter;
use schemas::codec::{CodecError, Message};
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::telemetry::{Telemetry as Messages, TelemetryReceived};
use xxhash_rust::xxh3::xxh3_128;

use crate::admission::{self, Sender};
use crate::{IngestState, Refusal};
use active::Active;
use dialect::Taken;
use rate::Rates;
use routes::{BodyKind, ROUTES, Route};
use walk::Walked;

/// What a deployment may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub limits: Limits,
    /// Items older than this when they arrive are refused; none = any age.
    pub max_age_ms: Option<i64>,
    /// Series, and log streams, that one project may have within a day (UTC).
    pub active_per_project: usize,
    /// Bytes as sent, of one project; none = no limit.
    pub bytes_per_second: Option<u64>,
}

/// Items older than a week are more often a wrong clock than late.
pub const MAX_AGE_MS: i64 = 7 * 86_400_000;
/// Bodies over this many bytes are walked beside the threads that serve requests.
const LARGE_BYTES: usize = 64 << 10;

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits {
                wire: 10 << 20,
                decoded: 10 << 20,
            },
            max_age_ms: Some(MAX_AGE_MS),
            active_per_project: 1_000_000,
            bytes_per_second: None,
        }
    }
}

/// The settings, and what is remembered of each project to hold its limits.
pub struct Telemetry {
    pub settings: Settings,
    active: Active,
    rates: Rates,
}

impl Telemetry {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            active: Active::new(settings.active_per_project),
            rates: Rates::new(settings.bytes_per_second),
        }
    }
}

/// How a body lies in its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// It is the request's, with `Content-Encoding`.
    Http,
    /// It is the message of a unary call, with `grpc-encoding`.
    Grpc,
}

/// A body that is still to be read.
struct Arriving {
    carrier: Carrier,
    headers: HeaderMap,
    body: Body,
}

impl Arriving {
    /// The body as it was sent, and how it is compressed.
    async fn read(
        self,
        route: &Route,
        kind: &BodyKind,
        limit: usize,
    ) -> Result<(Encoding, Bytes), Refusal> {
        match self.carrier {
            Carrier::Http => {
                let encoding = route.encoding(kind, &self.headers)?;
                let sent = body::read(&self.headers, self.body, limit).await?;
                Ok((encoding, sent))
            }
            Carrier::Grpc => grpc::read(route, &self.headers, self.body, limit).await,
        }
    }
}

pub(crate) fn router() -> Router<Arc<IngestState>> {
    posts(ROUTES, Carrier::Http)
}

fn posts(routes: &'static [Route], carrier: Carrier) -> Router<Arc<IngestState>> {
    let mut router = Router::new();
    for route in routes {
        let handler = move |State(state): State<Arc<IngestState>>, request: http::Request<Body>| async move {
            answer(state, route, carrier, request).await
        };
        router = router.route(route.path, post(handler));
    }
    router
}

async fn answer(
    state: Arc<IngestState>,
    route: &'static Route,
    carrier: Carrier,
    request: http::Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let arriving = Arriving {
        carrier,
        headers: parts.headers,
        body,
    };
    let kind = route.kind(&arriving.headers);
    // Who sends something else is told so in the route's first language.
    let spoken = *kind.as_ref().unwrap_or(&&route.bodies[0]);
    let taken = take(&state, route, kind, arriving).await;
    let outcome = match &taken {
        Ok(taken) if taken.walked.skipped.items > 0 => "partial",
        Ok(_) => "accepted",
        Err(refusal) => refusal.rule(),
    };
    let labels = [
        ("signal", route.signal.name()),
        ("format", spoken.format),
        ("outcome", outcome),
    ];
    counter!("ingest_requests_total", &labels).increment(1);
    match taken {
        Ok(taken) => (route.dialect.taken)(&taken),
        Err(refusal) => (route.dialect.refused)(&refusal, spoken),
    }
}

async fn take(
    state: &Arc<IngestState>,
    route: &'static Route,
    kind: Result<&'static BodyKind, Refusal>,
    arriving: Arriving,
) -> Result<Taken, Refusal> {
    let context = Context::ambient(&state.clock);
    let sender = admission::admit(state, &arriving.headers, &context)?;
    sender.may_send(route.signal.action())?;
    let storing = async {
        let kind = kind?;
        admission::count(state, &sender, &context).await?;
        let walked = store(state, route, kind, &sender, arriving, &context).await?;
        Ok(Taken {
            kind,
            signal: route.signal,
            walked,
        })
    };
    let stored = tokio::time::timeout(state.patience, storing).await;
    let stored = stored.unwrap_or(Err(Refusal::TooSlow));
    let tenant = sender.scope().tenant().to_string();
    match &stored {
        Ok(taken) => {
            admission::note_use(state, &sender, &context);
            taken.walked.count(route.signal, taken.kind, &tenant);
        }
        Err(refusal) => {
            let labels = [
                ("tenant", tenant),
                ("signal", route.signal.name().to_owned()),
                ("reason", refusal.rule().to_owned()),
            ];
            counter!("ingest_refused_total", &labels).increment(1);
        }
    }
    stored
}

/// Bounds, walks and appends.
async fn store(
    state: &Arc<IngestState>,
    route: &'static Route,
    kind: &'static BodyKind,
    sender: &Sender,
    arriving: Arriving,
    context: &Context,
) -> Result<Walked, Refusal> {
    let (project, now) = (sender.scope().project(), context.now());
    state.telemetry.rates.admit(project, now)?;
    let limit = state.telemetry.settings.limits.wire;
    let (encoding, sent) = arriving.read(route, kind, limit).await?;
    state.telemetry.rates.charge(project, sent.len());
    let walk = walk::Walk {
        signal: route.signal,
        format: kind.format,
        encoding,
        project,
        received_at: now,
    };
    let (walked, hash) = walk_beside(state, walk, &sent).await?;
    if walked.taken.items + walked.taken.histograms == 0 && walked.skipped.items > 0 {
        return Err(Refusal::NothingTaken {
            items: walked.skipped.items,
            first: walked.skipped.first.unwrap_or_default(),
        });
    }
    if walked.taken.is_empty() {
        return Ok(walked);
    }
    // Equal bodies are repeats only where their items have times of their own.
    let hash = match walked.timed_by_arrival {
        true => context.id().as_u128(),
        false => hash,
    };
    let max_age_ms = state.telemetry.settings.max_age_ms;
    let received = received(kind.format, encoding, hash, sent, max_age_ms, context);
    let record = record(route, sender, context, received)?;
    state.log.append(vec![record]).await?;
    Ok(walked)
}

/// Large bodies would hold up the requests that share their thread.
async fn walk_beside(
    state: &Arc<IngestState>,
    walk: walk::Walk,
    sent: &Bytes,
) -> Result<(Walked, u128), Refusal> {
    if sent.len() <= LARGE_BYTES {
        return Ok((walk.run(&state.telemetry, sent)?, xxh3_128(sent)));
    }
    let (state, sent) = (state.clone(), sent.clone());
    let walking =
        move || -> Result<_, Refusal> { Ok((walk.run(&state.telemetry, &sent)?, xxh3_128(&sent))) };
    tokio::task::spawn_blocking(walking)
        .await
        .map_err(|_| Refusal::Panicked)?
}

fn received(
    format: &str,
    encoding: Encoding,
    hash: u128,
    sent: Bytes,
    max_age_ms: Option<i64>,
    context: &Context,
) -> TelemetryReceived {
    TelemetryReceived {
        format: format.to_owned(),
        encoding: encoding.name().to_owned(),
        received_at: context.now(),
        body_hash: hash.to_be_bytes().to_vec(),
        body: sent.into(),
        max_age_ms,
    }
}

fn record(
    route: &Route,
    sender: &Sender,
    context: &Context,
    received: TelemetryReceived,
) -> Result<NewRecord, CodecError> {
    let (id, scope) = (context.id(), sender.scope());
    let subject = scope.project().to_string();
    let mut envelope = Envelope::of(scope, id, TelemetryReceived::KIND, "/ingest", subject);
    envelope.time = context.now();
    NewRecord::of(route.signal.topic(), &envelope, &Messages::from(received))
}
