//! Elasticsearch's `_bulk`: an answer for each action, in their order, by which
//! clients know what was stored.
//!
//! Source: "Bulk API" of the Elasticsearch reference.

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use super::{BodyKind, Dialect, Refusal, Taken};
use crate::telemetry::walk::Answered;

pub(in crate::telemetry) const ELASTIC: Dialect = Dialect { taken, refused };

fn taken(taken: &Taken) -> Response {
    let answered = &taken.walked.answered;
    let said = json!({
        "took": 0,
        "errors": answered.iter().any(|item| item.refused.is_some()),
        "items": answered.iter().map(item).collect::<Vec<_>>(),
    });
    of_product(Json(said).into_response())
}

/// What the official clients look for before they trust an answer.
pub(in crate::telemetry) fn of_product(mut response: Response) -> Response {
    let name = HeaderName::from_static("x-elastic-product");
    let product = HeaderValue::from_static("Elasticsearch");
    response.headers_mut().insert(name, product);
    response
}

fn item(item: &Answered) -> Value {
    let said = match &item.refused {
        None => json!({ "_index": item.index, "_id": item.id, "status": 201, "result": "created" }),
        Some(reason) => json!({ "_index": item.index, "_id": item.id, "status": 400,
            "error": { "type": "document_parsing_exception", "reason": reason } }),
    };
    json!({ item.action: said })
}

fn refused(refusal: &Refusal, _: &BodyKind) -> Response {
    answer(refusal)
}

/// A refusal in Elasticsearch's words.
pub(in crate::telemetry) fn answer(refusal: &Refusal) -> Response {
    let (status, reason) = (refusal.status(), refusal.to_string());
    let error = json!({ "type": refusal.rule(), "reason": reason });
    let body = json!({ "error": error, "status": status.as_u16() });
    let mut response = (status, Json(body)).into_response();
    refusal.dress(response.headers_mut());
    of_product(response)
}
