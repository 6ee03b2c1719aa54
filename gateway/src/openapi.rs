//! The API's document (OpenAPI 3.1), made from the operations themselves, so that
//! nothing is served that it does not tell. Committed as `gateway/openapi.json`.

mod elsewhere;
mod headers;
mod refusals;
pub mod words;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder};

use crate::Gateway;
use crate::operations::{API_KEY, BEARER, SESSION};

const DESCRIPTION: &str = "\
Everything the console can do. Lists are paged with opaque cursors, writes take an \
`Idempotency-Key`, and an `If-Match` with the version from the `ETag` of an incident, a \
monitoring integration or the tenant, whose projects and members have its version. Errors \
are problem details (RFC 9457) whose `rule` is stable. `RateLimit` and `RateLimit-Policy` \
say how often one may still ask. A write whose outcome is not \
known within five seconds is answered with 202 and a `status_url`.";

/// This document
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "operations",
    responses((status = 200, body = serde_json::Value)))]
pub async fn document(State(gateway): State<Gateway>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "application/json")],
        gateway.document.clone(),
    )
}

/// The document without its operations.
pub(crate) fn empty() -> OpenApi {
    let info = InfoBuilder::new()
        .title("SRE Copilot")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(License::new("Apache-2.0")))
        .build();
    let session = "The session cookie; named `__Host-srec_session` on https.";
    let session = ApiKeyValue::with_description("srec_session", session);
    let key = ApiKeyValue::with_description("X-API-Key", "A key that begins with `srec_`.");
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token, or an API key."))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(session)))
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(key)))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build()
}

/// The document as it is committed and served.
pub(crate) fn render(mut document: OpenApi) -> Result<String, serde_json::Error> {
    refusals::are_problems(&mut document);
    refusals::name(&mut document);
    headers::of_commands(&mut document);
    refusals::in_dialects(&mut document);
    // Agents are answered in their own dialects.
    let mut elsewhere = elsewhere::document();
    refusals::are_problems(&mut elsewhere);
    refusals::name_in_dialect(&mut elsewhere);
    document.merge(elsewhere);
    headers::of_answers(&mut document);
    words::name_closed_sets(&mut document);
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}
