//! Decodes what Alertmanager sent and tells each group of alerts about it. The
//! group decides whether that begins an incident.

use eventlog::Record;
use protocols::alertmanager::{self, Alert, Notification, Status};
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

fn receive(inbound: InboundReceived) -> Result<ReceiveAlerts, Unreadable> {
    let notification = alertmanager::decode(&inbound.body)
        .map_err(|invalid| Unreadable::Malformed(invalid.to_string()))?;
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
    let first = notification.alerts.iter().map(|alert| &alert.labels);
    let name = [&notification.common_labels, &notification.group_labels]
        .into_iter()
        .chain(first)
        .find_map(|labels| {
            labels
                .get("alertname")
                .filter(|name| !name.trim().is_empty())
        });
    let group: Vec<_> = notification
        .group_labels
        .iter()
        .filter(|(label, _)| *label != "alertname")
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    match (name, group.as_slice()) {
        (Some(name), []) => name.clone(),
        (Some(name), group) => format!("{name} ({})", group.join(", ")),
        (None, []) => notification.group_key.clone(),
        (None, group) => format!("Alerts ({})", group.join(", ")),
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
