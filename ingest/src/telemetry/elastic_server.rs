//! What Elasticsearch's clients ask the server under `/elastic` before and beside `_bulk`:
//! who it is, whether it is well, and whether it may be used. Everything else of it is
//! not here, and is answered so that clients can tell that from a server that is away.
//!
//! Sources: "Root API", "Cluster health" and "Get license" of the Elasticsearch reference;
//! `libbeat/esleg/eslegclient/connection.go` of Beats, `http_client/pool.rb` of Logstash's
//! output, and the product check of the official clients since 7.14.

use std::sync::Arc;

use access::permissions::Action;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get};
use schemas::context::Context;
use serde_json::{Value, json};

use super::dialect::elastic;
use crate::answered::Answered;
use crate::{IngestState, Refusal, admission};

/// Beats send to no server that is older than they are, and to the last of a version before
/// theirs only where they are told to (`allow_older_versions`).
const VERSION: &str = "8.19.0";

pub(super) fn router() -> Router<Arc<IngestState>> {
    Router::new()
        .route("/elastic", get(root))
        .route("/elastic/", get(root))
        .route("/elastic/_cluster/health", get(health))
        .route("/elastic/_license", get(license))
        // A route for the rest of any depth is none beside that of an index's `_bulk`.
        .route("/elastic/{index}", any(elsewhere))
        .route("/elastic/{index}/{what}", any(elsewhere))
        .route("/elastic/{index}/{what}/{id}", any(elsewhere))
}

async fn root(State(state): State<Arc<IngestState>>, headers: HeaderMap) -> Response {
    let said = json!({
        "name": "sre-copilot",
        "cluster_name": "sre-copilot",
        "cluster_uuid": "sre-copilot",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    });
    say(&state, &headers, said).await
}

async fn health(State(state): State<Arc<IngestState>>, headers: HeaderMap) -> Response {
    let said = json!({ "cluster_name": "sre-copilot", "status": "green", "timed_out": false,
        "number_of_nodes": 1, "number_of_data_nodes": 1 });
    say(&state, &headers, said).await
}

async fn license(State(state): State<Arc<IngestState>>, headers: HeaderMap) -> Response {
    let license =
        json!({ "uid": "sre-copilot", "type": "basic", "mode": "basic", "status": "active" });
    say(&state, &headers, json!({ "license": license })).await
}

/// Says it to who may send logs; a wrong key is better learnt of here than at the first line.
async fn say(state: &IngestState, headers: &HeaderMap, said: Value) -> Response {
    let answer = match admit(state, headers).await {
        Ok(()) => elastic::of_product(Json(said).into_response()),
        Err(refusal) => elastic::answer(&refusal),
    };
    Answered::of(state, headers).dress(answer)
}

/// It costs little, and counts like what is sent: a client that asks in a loop is slowed.
async fn admit(state: &IngestState, headers: &HeaderMap) -> Result<(), Refusal> {
    let context = Context::ambient(&state.clock);
    let sender = admission::admit(state, headers, &context)?;
    sender.may_send(Action::IngestLogs)?;
    admission::count(state, &sender, &context).await
}

async fn elsewhere(
    State(state): State<Arc<IngestState>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let answer = match admit(&state, &headers).await {
        Ok(()) => not_here(&uri),
        Err(refusal) => elastic::answer(&refusal),
    };
    Answered::of(&state, &headers).dress(answer)
}

fn not_here(uri: &Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    let reason =
        format!("`{path}` is not here: logs are taken at /elastic/_bulk, and nothing else");
    let error = json!({ "type": "resource_not_found_exception", "reason": reason });
    let said = json!({ "error": error, "status": 404 });
    elastic::of_product((StatusCode::NOT_FOUND, Json(said)).into_response())
}
