//! Agent → log. A request is authenticated, bounded, validated and appended; a 2xx
//! says that the log has synced it. Nothing here needs Postgres or Redis, and
//! nothing answers 500: what passes is 503 with `Retry-After`, what does not is a
//! 4xx that says why.

mod admission;
mod answered;
mod refusal;
mod seldom;
pub mod telemetry;
pub mod webhooks;
mod wrong_method;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use access::body::Limits;
use access::keyring::Keyring;
use access::meter::Meter;
use access::rates::{Quotas, Rates};
use access::refused_bodies::RefusedBodies;
use axum::Router;
use axum::response::Response;
use eventlog::Log;
use schemas::context::Clock;
use tower_http::catch_panic::CatchPanicLayer;

use answered::Answered;
pub use refusal::Refusal;
use telemetry::Telemetry;

/// What the routes need: the log, the keys, a clock, and bounds.
pub struct IngestState {
    pub log: Log,
    pub keyring: Arc<Keyring>,
    pub clock: Clock,
    pub webhook_limits: Limits,
    pub telemetry: Telemetry,
    /// From the first byte of the body to the answer; then 503.
    pub patience: Duration,
    /// This process among its like; stable over restarts.
    pub instance: String,
    /// For their owners to see; shared with the gateway where both run.
    pub refused: Arc<RefusedBodies>,
    /// How often agents may send; shared with the gateway where both run.
    pub rates: Arc<Rates>,
    /// What tenants use; shared with the gateway where both run.
    pub meter: Arc<Meter>,
    /// Whether the installation is reached by https.
    pub https: bool,
}

/// Bytes of a webhook's body, as sent and decompressed.
pub const WEBHOOK_LIMITS: Limits = Limits {
    wire: 4 << 20,
    decoded: 4 << 20,
};
/// How long a request may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

impl IngestState {
    /// With the default bounds.
    pub fn new(log: Log, keyring: Arc<Keyring>, clock: Clock) -> Self {
        Self {
            log,
            keyring,
            clock,
            webhook_limits: WEBHOOK_LIMITS,
            telemetry: Telemetry::new(telemetry::Settings::default()),
            patience: PATIENCE,
            instance: "ingest".to_owned(),
            refused: Arc::default(),
            rates: Arc::new(Rates::new(Quotas::default(), None)),
            meter: Arc::default(),
            https: false,
        }
    }
}

/// All routes that agents send to.
pub fn router(state: Arc<IngestState>) -> Router {
    let https = state.https;
    webhooks::router()
        .merge(telemetry::router())
        .method_not_allowed_fallback(wrong_method::refuse)
        .with_state(state)
        .layer(CatchPanicLayer::custom(move |_: Box<dyn Any + Send>| {
            panicked(https)
        }))
}

/// The calls of OTLP/gRPC, for a port of their own that speaks HTTP/2.
pub fn grpc_router(state: Arc<IngestState>) -> Router {
    telemetry::grpc::router(state)
}

/// A bug of ours must not make an agent drop its data.
fn panicked(https: bool) -> Response {
    let answered = Answered::anew(https);
    tracing::error!(request_id = %answered.id, "a request panicked");
    answered.dress(Refusal::Panicked.problem())
}
