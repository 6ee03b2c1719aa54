//! Metrics, logs and traces: authenticate, bound, walk, append, answer. A route is one
//! row of [`ROUTES`]; a format is one line in `protocols::formats`.
//!
//! The body goes to the log as it was sent, one record a request. What is decoded
//! here is thrown away: the walk only finds out whether the projection will be able
//! to read it, and what of it lies outside the limits.

mod active;
mod dialect;
mod elastic_server;
pub(crate) mod grpc;
mod notes;
mod rate;
mod routes;
mod store;
pub mod syslog;
mod unanswered;
mod usage;
mod walk;

use std::sync::Arc;
use std::time::Instant;

use access::body::{self, Encoding, Limits};
use access::durations::Durations;
use access::meter::Amount;
use access::telemetry_limits::Allowance;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::{Router, http};
use bytes::Bytes;
use metrics::counter;
use schemas::context::Context;

use crate::admission::{self, Sender};
use crate::answered::Answered;
use crate::{IngestState, Refusal};
use active::Active;
use dialect::Taken;
use rate::Rates;
use routes::{BodyKind, ROUTES, Route};
use store::limits_of;
use unanswered::Unanswered;
use usage::Usage;
use walk::Walked;

/// What a deployment may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub limits: Limits,
    /// Items older than this when they arrive are refused; none = any age.
    pub max_age_ms: Option<i64>,
    /// What each tenant may send.
    pub allowance: Allowance,
}

/// By which a sender tells a body that it sends again from one like it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Items older than a week are more often a wrong clock than late.
pub const MAX_AGE_MS: i64 = 7 * 86_400_000;
impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits {
                wire: 10 << 20,
                decoded: 10 << 20,
            },
            max_age_ms: Some(MAX_AGE_MS),
            allowance: Allowance::default(),
        }
    }
}

/// The settings, and what is remembered of each tenant to hold its limits.
pub struct Telemetry {
    pub settings: Settings,
    active: Active,
    rates: Rates,
    usage: Usage,
    unanswered: Unanswered,
}

impl Telemetry {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            active: Active::default(),
            rates: Rates::default(),
            usage: Usage::default(),
            unanswered: Unanswered::default(),
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
    /// What the path says of where the items come from.
    origin: Option<String>,
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
    posts(ROUTES, Carrier::Http).merge(elastic_server::router())
}

fn posts(routes: &'static [Route], carrier: Carrier) -> Router<Arc<IngestState>> {
    let mut router = Router::new();
    for route in routes {
        let durations = Arc::new(Durations::of(route.path));
        let handler = move |State(state): State<Arc<IngestState>>, request: http::Request<Body>| async move {
            let (begun, method) = (Instant::now(), request.method().clone());
            let answered = Answered::of(&state, request.headers());
            let answer = answer(state, route, carrier, request).await;
            durations.note(&method, answer.status(), begun);
            match carrier {
                Carrier::Http => answered.dress(answer),
                Carrier::Grpc => answer,
            }
        };
        let methods = match route.also_put {
            true => post(handler.clone()).put(handler),
            false => post(handler),
        };
        router = router.route(route.path, methods);
    }
    router
}

async fn answer(
    state: Arc<IngestState>,
    route: &'static Route,
    carrier: Carrier,
    request: http::Request<Body>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let origin = origin(route, &mut parts).await;
    let arriving = Arriving {
        carrier,
        headers: parts.headers,
        body,
        origin,
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

/// A refusal in the words of the path, as a route names it, before anything of the request
/// was looked at.
pub(crate) fn refused_at(path: &str, refusal: &Refusal) -> Response {
    match ROUTES.iter().find(|route| route.path == path) {
        Some(route) => (route.dialect.refused)(refusal, route.readable()),
        None if path.starts_with("/elastic") => dialect::elastic::answer(refusal),
        None => refusal.problem(),
    }
}

/// What the path has in the place of `{index}`.
async fn origin(route: &Route, parts: &mut http::request::Parts) -> Option<String> {
    if !route.path.contains('{') {
        return None;
    }
    let found = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let (_, index) = found.iter().next()?;
    Some(index.to_owned())
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
        let walked = receive(state, route, kind, &sender, arriving, &context).await?;
        Ok(Taken {
            kind,
            signal: route.signal,
            walked,
        })
    };
    let stored = tokio::time::timeout(state.patience, storing).await;
    let stored = stored.unwrap_or(Err(Refusal::TooSlow));
    meter(
        state,
        &sender,
        route.signal,
        stored.as_ref().map(|taken| &taken.walked),
    );
    let tenant = sender.scope().tenant().to_string();
    match &stored {
        Ok(taken) => {
            admission::note_use(state, &sender, &context);
            taken.walked.count(route.signal, taken.kind.format, &tenant);
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

/// Counts what became of a request and of the items in it.
fn meter(
    state: &IngestState,
    sender: &Sender,
    signal: routes::Signal,
    walked: Result<&Walked, &Refusal>,
) {
    let rule = walked.err().map(Refusal::rule);
    let amount = Amount {
        requests: 1,
        items: walked.map_or(0, |walked| walked.taken.items + walked.taken.histograms),
        bytes: walked.map_or(0, |walked| walked.bytes),
    };
    admission::meter(state, sender, signal.name(), rule, amount);
    for (reason, items) in walked.iter().flat_map(|walked| walked.refused()) {
        let amount = Amount {
            items,
            ..Amount::default()
        };
        admission::meter(state, sender, signal.name(), Some(reason), amount);
    }
}

/// Bounds, reads and stores.
async fn receive(
    state: &Arc<IngestState>,
    route: &'static Route,
    kind: &'static BodyKind,
    sender: &Sender,
    mut arriving: Arriving,
    context: &Context,
) -> Result<Walked, Refusal> {
    let tenant = sender.scope().tenant();
    let (rates, most) = (
        &state.telemetry.rates,
        limits_of(state, tenant).bytes_per_second,
    );
    rates.admit(tenant, most, context.now())?;
    let limit = state.telemetry.settings.limits.wire;
    let origin = arriving.origin.take();
    let idempotency_key = arriving.headers.get(IDEMPOTENCY_KEY).cloned();
    let (encoding, sent) = arriving.read(route, kind, limit).await?;
    let body = store::Body {
        signal: route.signal,
        format: kind.format,
        encoding,
        sent,
        origin,
        idempotency_key,
    };
    store::store(state, sender, body, context).await
}
