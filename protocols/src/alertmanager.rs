//! Alertmanager's webhook payload, version 4: one notification of one group.
//!
//! Source: the template data of Alertmanager 0.25 (`notify/webhook`, "The
//! notification data structure" in its documentation), and bodies captured from
//! it, which are this file's fixtures. Unknown fields are ignored, because newer
//! versions add some.

mod wire;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// Names and values, sorted by name.
pub type Labels = BTreeMap<String, String>;

/// One notification, as its receiver understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub receiver: String,
    /// Firing as long as one alert of the group does, the left out included.
    pub status: Status,
    pub alerts: Vec<Alert>,
    pub group_labels: Labels,
    pub common_labels: Labels,
    pub common_annotations: Labels,
    pub external_url: Option<String>,
    /// Names the group: the matchers of its route and the labels it groups by.
    pub group_key: String,
    /// How many alerts of the group were left out (`max_alerts`).
    pub truncated_alerts: u32,
}

/// One alert of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub status: Status,
    pub labels: Labels,
    pub annotations: Labels,
    pub starts_at: DateTime<Utc>,
    /// None while it fires: Go's zero time (year 1) on the wire.
    pub ends_at: Option<DateTime<Utc>>,
    pub generator_url: Option<String>,
    /// Hash of the labels, hexadecimal; the alert's identity.
    pub fingerprint: String,
}

/// Whether an alert, or any alert of a group, still fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Firing,
    Resolved,
}

/// What a body says that is worth knowing before anybody decodes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Valid {
    pub group_key: String,
    pub firing: usize,
    pub resolved: usize,
}

/// Why a body is not a notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    /// Path from the top, for instance `alerts[2].startsAt`; `body` for all of it.
    pub field: String,
    /// What is wrong with it, the offending value quoted.
    pub problem: String,
}

/// More alerts than this in one notification are refused; senders have `max_alerts`.
pub const MAX_ALERTS: usize = 10_000;
/// Labels or annotations of one alert.
pub const MAX_LABELS: usize = 256;
/// Bytes of a label's or an annotation's name.
pub const MAX_NAME_BYTES: usize = 1_024;
/// Bytes of a label's value. An annotation's is cut to them and a longer URL left out,
/// as neither says which alert it is: a refusal would lose all of its group.
pub const MAX_VALUE_BYTES: usize = 64 * 1_024;
/// Bytes of the group key, which every alert of the group carries along. With
/// `group_by: ['...']` it has all labels.
pub const MAX_GROUP_KEY_BYTES: usize = 8 * 1_024;
/// Bytes of a fingerprint or a receiver's name.
pub const MAX_TEXT_BYTES: usize = 8 * 1_024;

/// Whether [`decode`] will understand `body`.
pub fn validate(body: &[u8]) -> Result<Valid, Invalid> {
    let notification = decode(body)?;
    let firing = notification
        .alerts
        .iter()
        .filter(|a| a.status == Status::Firing)
        .count();
    Ok(Valid {
        firing,
        resolved: notification.alerts.len() - firing,
        group_key: notification.group_key,
    })
}

/// Reads a webhook body.
pub fn decode(body: &[u8]) -> Result<Notification, Invalid> {
    wire::parse(body)?.check()
}

impl Invalid {
    fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}
