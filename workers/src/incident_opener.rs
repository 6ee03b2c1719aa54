//! Decodes what Alertmanager sent and tells each group of alerts about it. The
//! group decides whether that begins an incident.

use std::collections::BTreeSet;

use eventlog::Record;
use protocols::alertmanager::{self, Alert, Labels, Notification, Status};
use schemas::alert_group::{AlertGroupCommand, AlertReport, ReceiveAlerts};
use schemas::ids::GroupId;
use schemas::inbound::{Inbound, InboundReceived};
use schemas::labels;
use schemas::severity::Severity;
use schemas::time::Timestamp;
use schemas::topic::Topic;

use crate::runtime::cause::Cause;
use crate::runtime::reactor::{Reactor, Unreadable, Verdict};

/// Characters of an incident's title; what is longer ends in `…`.
const TITLE_CHARS: usize = 300;
/// Characters of an alert's name.
const NAME_CHARS: usize = 300;
/// Bytes of all annotations of a notification: a command over the runner's limit would be
/// a page that nobody gets.
const ANNOTATION_BYTES: usize = 2 << 20;

pub struct IncidentOpener;

impl Reactor for IncidentOpener {
    fn name(&self) -> &'static str {
        "incident_opener"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::InboundWebhooks]
    }

    fn react(&self, record: &Record) -> Verdict {
        let Inbound::InboundReceived(inbound) = record.decode()?;
        if inbound.integration != "alertmanager" {
            let integration = inbound.integration;
            return Err(Unreadable::Newer(format!(
                "integration `{integration}` is unknown here"
            )));
        }
        let cause = Cause::of(self.name(), record)?;
        let project = cause
            .envelope
            .project
            .ok_or_else(|| Unreadable::Malformed("header `ce_project` is missing".to_owned()))?;
        let received = receive(inbound)?;
        let group = GroupId::of(project, &received.group_key);
        let command = cause.command::<AlertGroupCommand>(
            Topic::IncidentCommands,
            group,
            "receive",
            received,
        )?;
        Ok(vec![command])
    }
}

/// Cuts the annotations where all of them together are too long, each to its share.
fn shorten_annotations(alerts: &mut [Alert]) {
    let texts = || alerts.iter().flat_map(|alert| alert.annotations.values());
    let (bytes, count) = (texts().map(String::len).sum::<usize>(), texts().count());
    if bytes <= ANNOTATION_BYTES {
        return;
    }
    let share = ANNOTATION_BYTES / count.max(1);
    for text in alerts
        .iter_mut()
        .flat_map(|alert| alert.annotations.values_mut())
    {
        text.truncate(text.floor_char_boundary(share));
    }
}

fn receive(inbound: InboundReceived) -> Result<ReceiveAlerts, Unreadable> {
    let mut notification = alertmanager::decode(&inbound.body)
        .map_err(|invalid| Unreadable::Malformed(invalid.to_string()))?;
    shorten_annotations(&mut notification.alerts);
    Ok(ReceiveAlerts {
        title: title(&notification),
        severity: severity(&notification),
        truncated: i64::from(notification.truncated_alerts),
        group_resolved: notification.status == Status::Resolved,
        group_key: notification.group_key,
        receiver: notification.receiver,
        alerts: notification
            .alerts
            .into_iter()
            .map(|alert| report(alert, inbound.received_at))
            .collect(),
    })
}

/// What the alerts have in common, as the incident's title: their summary, the
/// first line of their description, or their name and what they are grouped by.
fn title(notification: &Notification) -> String {
    let annotation = |name: &str| {
        let text = notification.common_annotations.get(name)?;
        text.lines().map(str::trim).find(|line| !line.is_empty())
    };
    let text = annotation("summary").or_else(|| annotation("description"));
    let text = text.map_or_else(|| name_and_group(notification), str::to_owned);
    shortened(&text, TITLE_CHARS)
}

fn name_and_group(notification: &Notification) -> String {
    let group: Vec<_> = notification
        .group_labels
        .iter()
        .filter(|(label, _)| *label != "alertname")
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    match (shown_names(notification), group.as_slice()) {
        (Some(names), []) => names,
        (Some(names), group) => format!("{names} ({})", group.join(", ")),
        (None, []) => notification.group_key.clone(),
        (None, group) => format!("Alerts ({})", group.join(", ")),
    }
}

/// The alerts' name or, of several, the first two and how many there are besides: one
/// alone would hide the others. Of those that fire, where any does.
fn shown_names(notification: &Notification) -> Option<String> {
    let of = |labels: &Labels| {
        let name = labels.get("alertname")?;
        (!name.trim().is_empty()).then(|| name.clone())
    };
    let shared = of(&notification.common_labels).or_else(|| of(&notification.group_labels));
    if shared.is_some() {
        return shared;
    }
    let (firing, over): (Vec<_>, Vec<_>) = notification
        .alerts
        .iter()
        .partition(|alert| alert.status == Status::Firing);
    let meant = if firing.is_empty() { over } else { firing };
    let mut seen = BTreeSet::new();
    let names: Vec<String> = meant
        .into_iter()
        .filter_map(|alert| of(&alert.labels))
        .filter(|name| seen.insert(name.clone()))
        .collect();
    match names.as_slice() {
        [] => None,
        [name] => Some(name.clone()),
        [first, second] => Some(format!("{first}, {second}")),
        [first, second, more @ ..] => Some(format!("{first}, {second} and {} more", more.len())),
    }
}

/// The worst of the alerts that fire, or of all where none does.
fn severity(notification: &Notification) -> Severity {
    let of = |alert: &Alert| Severity::of_label(alert.labels.get("severity").map(String::as_str));
    let alerts = &notification.alerts;
    let firing = alerts.iter().filter(|alert| alert.status == Status::Firing);
    firing
        .map(of)
        .min()
        .or_else(|| alerts.iter().map(of).min())
        .unwrap_or(Severity::Sev4)
}

/// A resolved alert without an end has ended when the notification came.
fn report(alert: Alert, received_at: Timestamp) -> AlertReport {
    let firing = alert.status == Status::Firing;
    let name = alert
        .labels
        .get("alertname")
        .filter(|name| !name.is_empty());
    AlertReport {
        name: shortened(name.unwrap_or(&alert.fingerprint), NAME_CHARS),
        fingerprint: alert.fingerprint,
        firing,
        labels: labels::from_map(alert.labels),
        annotations: labels::from_map(alert.annotations),
        starts_at: alert.starts_at.into(),
        ends_at: (!firing).then(|| alert.ends_at.map_or(received_at, Timestamp::from)),
        generator_url: alert.generator_url,
    }
}

fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests;
