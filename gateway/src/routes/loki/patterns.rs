//! The shapes that lines have, over time.

use axum::Json;
use axum::extract::State;
use projections::telemetry::logs::{self, PatternOverTime};
use serde_json::{Value, json};

use super::asked::{Asked, Streams};
use super::labels::records;
use super::{Failure, NS, success};
use crate::Gateway;
use crate::operations::Allowed;

const MOST_PATTERNS: usize = 300;
/// What stands for what differs.
const PLACES: [&str; 6] = ["<num>", "<hex>", "<uuid>", "<ip>", "<time>", "<*>"];
const PLACE: &str = "<_>";

/// Shapes of lines with how often they come, from a sample of the newest
#[utoipa::path(get, path = "/loki/api/v1/patterns", operation_id = "loki_patterns", tag = "loki",
    params(Streams,
        ("step" = Option<String>, Query, description = "How long the stretches of time are that are counted apart")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let query = records(&asked, asked.text("query"))?;
    let step_ns = asked
        .step_ns(query.to_ns.saturating_sub(query.from_ns))?
        .max(NS);
    let (db, scope) = (&gateway.db, allowed.scope());
    let found = logs::over_time(db, scope, &query, MOST_PATTERNS, step_ns).await?;
    Ok(success(found.into_iter().map(shown).collect::<Vec<_>>()))
}

/// Shapes of lines with how often they come; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/patterns", operation_id = "loki_patterns_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_list(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    list(gateway, allowed, asked).await
}

fn shown(found: PatternOverTime) -> Value {
    let counts = found.counts.iter();
    let samples: Vec<Value> = counts.map(|(at, count)| json!([at / NS, count])).collect();
    json!({
        "pattern": as_loki_writes(&found.line.pattern),
        "level": found.line.level,
        "samples": samples,
    })
}

/// So that it can be pasted behind `|>`, which knows one placeholder.
fn as_loki_writes(pattern: &str) -> String {
    let mut written = pattern.to_owned();
    for place in PLACES {
        written = written.replace(place, PLACE);
    }
    while written.contains("<_><_>") {
        written = written.replace("<_><_>", PLACE);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_loki_s() {
        let pattern = as_loki_writes("user <*> from <ip><num> took <num>ms");
        assert_eq!(pattern, "user <_> from <_> took <_>ms");
        assert!(logql::parse(&format!("{{a=\"b\"}} |> `{pattern}`")).is_ok());
    }
}
