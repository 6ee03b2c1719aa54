//! Which series, labels, families and exemplars there are.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use promql::source::Labels;
use serde_json::{Value, json};

use super::parameters::{AS_OF, Parameters};
use super::reply::{Failure, PrometheusAnswer, PrometheusFailure, limited, success};
use super::{names, store};
use crate::Gateway;
use crate::operations::Allowed;
use crate::parameters::Path;

/// Series that fit a selector
#[utoipa::path(get, path = "/prometheus/api/v1/series", operation_id = "prometheus_series", tag = "prometheus",
    params(("match[]" = Vec<String>, Query, description = "Selectors, of which one must fit"),
        ("start" = Option<String>, Query), ("end" = Option<String>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn series(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let which = parameters.which()?;
    if which.selectors.is_empty() {
        return Err(Failure::BadData("no match[] parameter provided".to_owned()));
    }
    let found = store(&gateway, &allowed, None)?.series(&which).await?;
    let found = found.iter().map(object).collect();
    Ok(limited(found, which.limit - 1))
}

/// Series that fit a selector; parameters in a form
#[utoipa::path(post, path = "/prometheus/api/v1/series", operation_id = "prometheus_series_post", tag = "prometheus",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn post_series(
    gateway: State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    series(gateway, allowed, parameters).await
}

/// Names of labels
#[utoipa::path(get, path = "/prometheus/api/v1/labels", operation_id = "prometheus_labels", tag = "prometheus",
    params(("match[]" = Option<Vec<String>>, Query), ("start" = Option<String>, Query),
        ("end" = Option<String>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn labels(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let which = parameters.which()?;
    let found = store(&gateway, &allowed, None)?.label_names(&which).await?;
    Ok(limited(found, which.limit - 1))
}

/// Names of labels; parameters in a form
#[utoipa::path(post, path = "/prometheus/api/v1/labels", operation_id = "prometheus_labels_post", tag = "prometheus",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn post_labels(
    gateway: State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    labels(gateway, allowed, parameters).await
}

/// Values of a label
#[utoipa::path(get, path = "/prometheus/api/v1/label/{name}/values", operation_id = "prometheus_label_values", tag = "prometheus",
    params(("name" = String, Path), ("match[]" = Option<Vec<String>>, Query), ("start" = Option<String>, Query),
        ("end" = Option<String>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn label_values(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let which = parameters.which()?;
    let found = store(&gateway, &allowed, None)?
        .label_values(&names::unescaped(&name), &which)
        .await?;
    Ok(limited(found, which.limit - 1))
}

/// Type, help and unit of metric families
#[utoipa::path(get, path = "/prometheus/api/v1/metadata", operation_id = "prometheus_metadata", tag = "prometheus",
    params(("metric" = Option<String>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn metadata(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    parameters.no_as_of()?;
    let limit = parameters.limit()?;
    let families = store(&gateway, &allowed, None)?
        .metadata(parameters.text("metric"), limit)
        .await?;
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for family in families.into_iter().take(limit) {
        let known = json!({"type": family.kind.name(), "help": family.help, "unit": family.unit});
        found.entry(family.name).or_default().push(known);
    }
    Ok(success(found))
}

/// Exemplars of the series in an expression
#[utoipa::path(get, path = "/prometheus/api/v1/query_exemplars", operation_id = "prometheus_query_exemplars", tag = "prometheus",
    params(("query" = String, Query, description = "PromQL"), ("start" = Option<String>, Query), ("end" = Option<String>, Query),
        ("as_of" = Option<String>, Query, description = "Only what had arrived by then; seconds since 1970 or RFC 3339")),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn exemplars(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let expr = promql::parse(parameters.query()).map_err(promql::QueryError::from)?;
    let as_of = parameters.time(AS_OF)?;
    let mut which = parameters.which_as_of()?;
    which.selectors = expr.selectors().into_iter().map(<[_]>::to_vec).collect();
    if which.selectors.is_empty() {
        return Ok(success(Vec::<Value>::new()));
    }
    let found = store(&gateway, &allowed, as_of)?.exemplars(&which).await?;
    let found: Vec<_> = found
        .into_iter()
        .map(|(series, exemplars)| {
            let exemplars: Vec<_> = exemplars
                .into_iter()
                .map(|one| {
                    json!({
                        "labels": object(&one.labels),
                        "value": promql::number::sample(one.value),
                        "timestamp": one.time_ms as f64 / 1000.0,
                    })
                })
                .collect();
            json!({"seriesLabels": object(&series), "exemplars": exemplars})
        })
        .collect();
    Ok(success(found))
}

/// Exemplars of the series in an expression; parameters in a form
#[utoipa::path(post, path = "/prometheus/api/v1/query_exemplars", operation_id = "prometheus_query_exemplars_post", tag = "prometheus",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn post_exemplars(
    gateway: State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    exemplars(gateway, allowed, parameters).await
}

fn object(labels: &Labels) -> Value {
    let pairs = labels.pairs().iter();
    Value::Object(
        pairs
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect(),
    )
}
