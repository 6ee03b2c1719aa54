//! The payload as it lies on the wire, and the checks that types do not make.

use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;

use super::{
    Alert, Invalid, Labels, MAX_ALERTS, MAX_GROUP_KEY_BYTES, MAX_LABELS, MAX_NAME_BYTES,
    MAX_TEXT_BYTES, MAX_VALUE_BYTES, Notification, Status,
};

const VERSION: &str = "4";
/// What Grafana's own alerting calls the same payload, with more fields.
const GRAFANA_VERSION: &str = "1";
/// How much of an offending value is quoted.
const QUOTED_CHARS: usize = 120;

/// Every field is optional here, so that a missing one is told by its own path.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    version: Option<String>,
    receiver: Option<String>,
    status: Option<Status>,
    alerts: Option<Vec<WireAlert>>,
    group_labels: Option<Labels>,
    common_labels: Option<Labels>,
    common_annotations: Option<Labels>,
    #[serde(rename = "externalURL")]
    external_url: Option<String>,
    group_key: Option<String>,
    truncated_alerts: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    status: Option<Status>,
    labels: Option<Labels>,
    annotations: Option<Labels>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
}

/// The version alone: another one may have any other shape.
#[derive(Deserialize)]
struct Versioned {
    version: Option<String>,
}

pub(super) fn parse(body: &[u8]) -> Result<Wire, Invalid> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".to_owned() } else { path };
        Invalid::new(
            field,
            format!("is wrong: {}", quoted(&error.into_inner().to_string())),
        )
    });
    let parsed = parsed.map_err(|invalid| wrong_version(body).unwrap_or(invalid))?;
    json.end()
        .map_err(|error| Invalid::new("body", format!("goes on after its end: {error}")))?;
    Ok(parsed)
}

fn wrong_version(body: &[u8]) -> Option<Invalid> {
    let versioned: Versioned = serde_json::from_slice(body).ok()?;
    check_version(versioned.version).err()
}

fn check_version(version: Option<String>) -> Result<(), Invalid> {
    let version = required("version", version)?;
    if [VERSION, GRAFANA_VERSION].contains(&&*version) {
        return Ok(());
    }
    let problem = format!(
        "is `{}`; only version `{VERSION}`, or Grafana's `{GRAFANA_VERSION}`, is understood",
        quoted(&version)
    );
    Err(Invalid::new("version", problem))
}

impl Wire {
    pub(super) fn check(self) -> Result<Notification, Invalid> {
        check_version(self.version)?;
        let alerts = required("alerts", self.alerts)?;
        if alerts.is_empty() {
            return Err(Invalid::new("alerts", "is empty"));
        }
        at_most("alerts", alerts.len(), MAX_ALERTS, "alerts")?;
        Ok(Notification {
            receiver: text("receiver", self.receiver, MAX_TEXT_BYTES)?,
            status: required("status", self.status)?,
            alerts: alerts
                .into_iter()
                .enumerate()
                .map(|(n, alert)| alert.check(&format!("alerts[{n}]")))
                .collect::<Result<_, _>>()?,
            group_labels: labels("groupLabels", self.group_labels)?,
            common_labels: labels("commonLabels", self.common_labels)?,
            common_annotations: annotations("commonAnnotations", self.common_annotations)?,
            external_url: url(self.external_url),
            group_key: text("groupKey", self.group_key, MAX_GROUP_KEY_BYTES)?,
            truncated_alerts: self.truncated_alerts.unwrap_or(0),
        })
    }
}

impl WireAlert {
    fn check(self, path: &str) -> Result<Alert, Invalid> {
        let field = |name: &str| format!("{path}.{name}");
        let status = required(&field("status"), self.status)?;
        let starts_at = required(&field("startsAt"), self.starts_at)?;
        Ok(Alert {
            status,
            labels: labels(
                &field("labels"),
                Some(required(&field("labels"), self.labels)?),
            )?,
            annotations: annotations(&field("annotations"), self.annotations)?,
            starts_at: time(&field("startsAt"), &starts_at)?.ok_or_else(|| {
                Invalid::new(field("startsAt"), format!("is the zero time `{starts_at}`"))
            })?,
            ends_at: match self.ends_at {
                Some(at) => time(&field("endsAt"), &at)?.filter(|_| status == Status::Resolved),
                None => None,
            },
            generator_url: url(self.generator_url),
            fingerprint: text(&field("fingerprint"), self.fingerprint, MAX_TEXT_BYTES)?,
        })
    }
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(field, "is missing"))
}

fn text(field: &str, value: Option<String>, max_bytes: usize) -> Result<String, Invalid> {
    let value = required(field, value)?;
    if value.is_empty() {
        return Err(Invalid::new(field, "is empty"));
    }
    at_most(field, value.len(), max_bytes, "bytes")?;
    Ok(value)
}

/// Prometheus' has the whole expression; half of one would be another expression.
fn url(value: Option<String>) -> Option<String> {
    value.filter(|value| (1..=MAX_VALUE_BYTES).contains(&value.len()))
}

/// Their values are whatever a template made, which can be a query's whole result.
fn annotations(field: &str, value: Option<Labels>) -> Result<Labels, Invalid> {
    let mut value = value.unwrap_or_default();
    for text in value.values_mut() {
        cut(text);
    }
    labels(field, Some(value))
}

/// To the limit, between two characters, with a sign that it was.
fn cut(text: &mut String) {
    if text.len() > MAX_VALUE_BYTES {
        text.truncate(text.floor_char_boundary(MAX_VALUE_BYTES - '…'.len_utf8()));
        text.push('…');
    }
}

fn labels(field: &str, value: Option<Labels>) -> Result<Labels, Invalid> {
    let value = value.unwrap_or_default();
    at_most(field, value.len(), MAX_LABELS, "entries")?;
    for (name, text) in &value {
        if name.is_empty() {
            return Err(Invalid::new(field, "has an entry without a name"));
        }
        let entry = format!("{field}[`{}`]", quoted(name));
        at_most(&entry, name.len(), MAX_NAME_BYTES, "bytes in its name")?;
        at_most(&entry, text.len(), MAX_VALUE_BYTES, "bytes")?;
    }
    Ok(value)
}

/// RFC 3339; Go's zero time means that nothing was set.
fn time(field: &str, value: &str) -> Result<Option<DateTime<Utc>>, Invalid> {
    let parsed = DateTime::parse_from_rfc3339(value).map_err(|error| {
        Invalid::new(
            field,
            format!("is `{}`, not an RFC 3339 time: {error}", quoted(value)),
        )
    })?;
    let parsed = parsed.to_utc();
    Ok((parsed.year() > 1).then_some(parsed))
}

fn at_most(field: &str, found: usize, limit: usize, unit: &str) -> Result<(), Invalid> {
    if found <= limit {
        return Ok(());
    }
    Err(Invalid::new(
        field,
        format!("has {found} {unit}, over the limit of {limit}"),
    ))
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS).collect()
}
