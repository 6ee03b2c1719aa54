//! What operators and their tools ask: is it alive, is it ready, what does it count.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use projections::checkpoints;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::Gateway;
use crate::error::{Error, Problem};
use crate::process;

const PATIENCE: Duration = Duration::from_millis(1500);
/// How often it is measured for `/metrics`.
const EVERY: Duration = Duration::from_secs(5);

/// What the gateway needs, and whether it has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    pub ready: bool,
    /// The log was reached within the last five seconds: what is changed can be written.
    pub log: bool,
    /// The API keys of the log were read up to its end.
    pub keyring: bool,
    /// The keys of access tokens are loaded.
    pub sessions: bool,
    /// Read models can be queried.
    pub read_models: bool,
}

/// Is the process alive
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "operations",
    responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok"
}

/// Can it serve
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "operations",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn readyz(State(gateway): State<Gateway>) -> Response {
    let readiness = Readiness::of(&gateway).await;
    let status = match readiness.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness)).into_response()
}

impl Readiness {
    pub(crate) async fn of(gateway: &Gateway) -> Self {
        let asked = tokio::time::timeout(PATIENCE, checkpoints::get(&gateway.db, "members"));
        let read_models = matches!(asked.await, Ok(Ok(_)));
        let (log, keyring, sessions) = (
            gateway.keyring.fresh(),
            gateway.keyring.ready(),
            gateway.tokens.ready() && gateway.keys().is_ok(),
        );
        Self {
            ready: log && keyring && sessions && read_models,
            log,
            keyring,
            sessions,
            read_models,
        }
    }
}

/// Measures what only a gateway needs, until shutdown; the process measures the rest.
pub(crate) async fn keep_measuring(gateway: &Gateway, stop: CancellationToken) {
    let measuring = async {
        loop {
            let now = Readiness::of(gateway).await;
            for (part, ready) in [("sessions", now.sessions), ("read_models", now.read_models)] {
                let ready = f64::from(u8::from(ready));
                metrics::gauge!("sre_copilot_ready", "part" => part).set(ready);
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    stop.run_until_cancelled(measuring).await;
}

/// What it counts, for Prometheus
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "operations",
    responses((status = 200, body = String), (status = 404, body = Problem)))]
pub async fn metrics(State(gateway): State<Gateway>) -> Result<Response, Error> {
    let recorder = gateway.metrics.as_ref().ok_or(Error::NotFound)?;
    process::measure();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], recorder.render()).into_response())
}
