//! Labels, their values, and the streams that have them.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use logql::narrow::narrow;
use projections::telemetry::logs::{self, LogStream, Query, label_name};
use serde_json::{Map, Value, json};

use super::asked::{Asked, Streams};
use super::record;
use super::{Failure, success};
use crate::Gateway;
use crate::operations::Allowed;
use crate::parameters::Path;

/// More is never listed at once.
const MOST: usize = 5_000;

/// Records of the range that a selector wants; all where there is none.
pub(super) fn records(asked: &Asked, selector: Option<&str>) -> Result<Query, Failure> {
    let (from_ns, to_ns) = asked.range()?;
    Ok(Query {
        filter: record::filter(&narrow(&asked.log(selector)?))?,
        from_ns,
        to_ns,
    })
}

/// Names of labels
#[utoipa::path(get, path = "/loki/api/v1/labels", operation_id = "loki_labels", tag = "loki",
    params(Streams),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn names(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let query = records(&asked, asked.text("query"))?;
    let found = logs::names(&gateway.db, allowed.scope(), &query).await?;
    let resource = found
        .items
        .iter()
        .filter_map(|field| field.name.strip_prefix("resource."));
    let mut names: Vec<String> = resource.map(label_name).collect();
    if found.sampled > 0 {
        // Not the level, though selectors take it: what shows the context of a line puts
        // all that is listed into its selector, and would show lines of one level.
        names.push("service_name".to_owned());
    }
    names.sort_unstable();
    names.dedup();
    Ok(success(names))
}

/// Names of labels; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/labels", operation_id = "loki_labels_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_names(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    names(gateway, allowed, asked).await
}

/// Names of labels, by the older path
#[utoipa::path(get, path = "/loki/api/v1/label", operation_id = "loki_label", tag = "loki",
    params(Streams),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn older_names(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    names(gateway, allowed, asked).await
}

/// Names of labels, by the older path; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/label", operation_id = "loki_label_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_older_names(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    names(gateway, allowed, asked).await
}

/// Values of a label
#[utoipa::path(get, path = "/loki/api/v1/label/{name}/values", operation_id = "loki_label_values", tag = "loki",
    params(("name" = String, Path), Streams),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn values(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let query = records(&asked, asked.text("query"))?;
    let (db, scope) = (&gateway.db, allowed.scope());
    let fields = match &name[..] {
        "detected_level" | "level" => vec!["level".to_owned()],
        "service_name" => vec!["service".to_owned()],
        _ => {
            let found = logs::names(db, scope, &query).await?;
            let names = found.items.into_iter().map(|field| field.name);
            let fits = |field: &String| {
                field
                    .strip_prefix("resource.")
                    .is_some_and(|field| label_name(field) == name)
            };
            names.filter(fits).collect()
        }
    };
    let mut values = Vec::new();
    for field in fields {
        let found = logs::values(db, scope, &query, &field, MOST).await?;
        values.extend(found.items.into_iter().map(|item| item.value));
    }
    values.sort_unstable();
    values.dedup();
    Ok(success(values))
}

/// Values of a label; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/label/{name}/values", operation_id = "loki_label_values_post", tag = "loki",
    params(("name" = String, Path)),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_values(
    gateway: State<Gateway>,
    allowed: Allowed,
    name: Path<String>,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    values(gateway, allowed, name, asked).await
}

/// Streams that one of some selectors fits
#[utoipa::path(get, path = "/loki/api/v1/series", operation_id = "loki_series", tag = "loki",
    params(("match[]" = Option<Vec<String>>, Query, description = "Stream selectors, of which one must fit"),
        ("start" = Option<String>, Query), ("end" = Option<String>, Query)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn series(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let mut selectors: Vec<_> = asked
        .all("match[]")
        .chain(asked.all("match"))
        .map(Some)
        .collect();
    if selectors.is_empty() {
        selectors.push(None);
    }
    let mut found = BTreeSet::new();
    for selector in selectors {
        let query = records(&asked, selector)?;
        found.extend(logs::streams(&gateway.db, allowed.scope(), &query, MOST).await?);
    }
    Ok(success(found.iter().map(labels_of).collect::<Vec<_>>()))
}

/// Streams that one of some selectors fits; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/series", operation_id = "loki_series_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_series(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    series(gateway, allowed, asked).await
}

fn labels_of(stream: &LogStream) -> Value {
    let resource = stream.resource.iter();
    let mut labels: Map<String, Value> = resource
        .map(|(name, value)| (label_name(name), json!(value)))
        .collect();
    labels.insert("service_name".to_owned(), json!(stream.service));
    Value::Object(labels)
}
