//! `POST /api/v1/webhooks/<integration>`: authenticate, bound, validate, append,
//! answer. An integration is one file and one line in [`INTEGRATIONS`].

mod alertmanager;

use std::sync::Arc;
use std::time::Instant;

use access::body;
use access::durations::Durations;
use access::meter::Amount;
use access::permissions::Action;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use axum::{Router, http};
use bytes::Bytes;
use eventlog::NewRecord;
use metrics::counter;
use schemas::codec::{CodecError, Message};
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::inbound::{Inbound, InboundReceived};
use schemas::labels::Label;
use schemas::topic::Topic;
use serde_json::json;
use uuid::Uuid;

use crate::admission::{self, Sender};
use crate::answered::Answered;
use crate::{IngestState, Refusal};

/// A sender of webhooks.
pub struct Integration {
    /// Names the path, the decoder and the records' key.
    pub name: &'static str,
    /// The request headers that are kept; never a credential.
    pub headers: &'static [&'static str],
    /// Refuses what the integration's decoder would not understand.
    pub validate: fn(&[u8]) -> Result<(), Refusal>,
}

const INTEGRATIONS: [&Integration; 1] = [&alertmanager::ALERTMANAGER];

pub(crate) fn router() -> Router<Arc<IngestState>> {
    let mut router = Router::new();
    for integration in INTEGRATIONS {
        let path = format!("/api/v1/webhooks/{}", integration.name);
        let durations = Arc::new(Durations::of(path.as_str()));
        let handler = move |State(state): State<Arc<IngestState>>, request: http::Request<Body>| async move {
            let (begun, method) = (Instant::now(), request.method().clone());
            let answered = Answered::of(&state, request.headers());
            let answer = answer(&state, integration, request).await;
            durations.note(&method, answer.status(), begun);
            answered.dress(answer)
        };
        router = router.route(&path, post(handler));
    }
    router
}

async fn answer(
    state: &IngestState,
    integration: &'static Integration,
    request: http::Request<Body>,
) -> Response {
    let taken = take(state, integration, request).await;
    let outcome = taken.as_ref().map_or_else(Refusal::rule, |_| "accepted");
    let labels = [("integration", integration.name), ("outcome", outcome)];
    counter!("ingest_webhooks_total", &labels).increment(1);
    match taken {
        Ok(id) => (StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// The id of the record that was appended. What a known sender loses is counted
/// for its tenant.
async fn take(
    state: &IngestState,
    integration: &'static Integration,
    request: http::Request<Body>,
) -> Result<Uuid, Refusal> {
    let context = Context::ambient(&state.clock);
    let (parts, body) = request.into_parts();
    let sender = admission::admit(state, &parts.headers, &context)?;
    admission::count(state, &sender, &context).await?;
    sender.may_send(Action::IngestWebhooks)?;
    let storing = store(state, integration, &sender, &parts.headers, body, &context);
    let stored = tokio::time::timeout(state.patience, storing).await;
    let stored = stored.unwrap_or(Err(Refusal::TooSlow));
    let rule = stored.as_ref().err().map(Refusal::rule);
    let one = Amount {
        requests: 1,
        ..Amount::default()
    };
    admission::meter(state, &sender, "webhooks", rule, one);
    match &stored {
        Ok(_) => admission::note_use(state, &sender, &context),
        Err(refusal) => {
            let labels = [
                ("tenant", sender.scope().tenant().to_string()),
                ("integration", integration.name.to_owned()),
                ("reason", refusal.rule().to_owned()),
            ];
            counter!("ingest_refused_total", &labels).increment(1);
        }
    }
    stored
}

/// Bounds, validates and appends.
async fn store(
    state: &IngestState,
    integration: &'static Integration,
    sender: &Sender,
    headers: &HeaderMap,
    body: Body,
    context: &Context,
) -> Result<Uuid, Refusal> {
    let body = body::decoded(headers, body, state.webhook_limits).await?;
    if let Err(refusal) = (integration.validate)(&body) {
        let (scope, reason) = (sender.scope(), refusal.to_string());
        let now = context.now();
        state
            .refused
            .note(scope, integration.name, now, reason, &body);
        return Err(refusal);
    }
    let (id, record) = inbound(sender, integration, headers, body, context)?;
    state.log.append(vec![record]).await?;
    Ok(id)
}

/// The record of one request, and its id, which is what the sender is told.
fn inbound(
    sender: &Sender,
    integration: &Integration,
    headers: &HeaderMap,
    body: Bytes,
    context: &Context,
) -> Result<(Uuid, NewRecord), CodecError> {
    let (id, scope) = (context.id(), sender.scope());
    let subject = format!("{}:{}", scope.project(), integration.name);
    let mut envelope = Envelope::of(scope, id, InboundReceived::KIND, "/ingest", subject);
    envelope.time = context.now();
    let received = InboundReceived {
        integration: integration.name.to_owned(),
        key: sender.key,
        received_at: context.now(),
        headers: kept(headers, integration.headers),
        body: body.into(),
    };
    let record = NewRecord::of(Topic::InboundWebhooks, &envelope, &Inbound::from(received))?;
    Ok((id, record))
}

fn kept(headers: &HeaderMap, names: &[&'static str]) -> Vec<Label> {
    let label = |name: &&str| {
        let value = headers.get(*name)?.to_str().ok()?;
        Some(Label {
            name: (*name).to_owned(),
            value: value.to_owned(),
        })
    };
    names.iter().filter_map(label).collect()
}
