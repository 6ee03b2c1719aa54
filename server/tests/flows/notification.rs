//! Webhook bodies in Alertmanager's form, for what a real one cannot be made to do.

use schemas::ids::{GroupId, IncidentId, ProjectId};
use serde_json::{Value, json};

/// One alert: its fingerprint, and when it ended if it has.
pub(crate) struct Told<'a> {
    pub(crate) fingerprint: &'a str,
    pub(crate) ended: Option<&'a str>,
}

pub(crate) const STARTED: &str = "2026-11-01T02:41:00Z";

pub(crate) fn group_key(group: &str) -> String {
    format!("{{}}:{{alertname=\"{group}\"}}")
}

/// The incident of the group's first episode.
pub(crate) fn first_incident(project: ProjectId, group: &str) -> IncidentId {
    IncidentId::of_episode(GroupId::of(project, &group_key(group)), 1)
}

pub(crate) fn firing(group: &str, fingerprint: &str) -> Value {
    body(
        group,
        &[Told {
            fingerprint,
            ended: None,
        }],
    )
}

pub(crate) fn body(group: &str, alerts: &[Told<'_>]) -> Value {
    let alert = |told: &Told<'_>| {
        json!({
            "status": if told.ended.is_some() { "resolved" } else { "firing" },
            "labels": { "alertname": group, "instance": told.fingerprint, "severity": "critical" },
            "annotations": { "summary": format!("{group} fails") },
            "startsAt": STARTED,
            "endsAt": told.ended.unwrap_or("0001-01-01T00:00:00Z"),
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
            "fingerprint": told.fingerprint,
        })
    };
    let firing = alerts.iter().any(|told| told.ended.is_none());
    json!({
        "version": "4",
        "groupKey": group_key(group),
        "truncatedAlerts": 0,
        "status": if firing { "firing" } else { "resolved" },
        "receiver": "sre-copilot",
        "groupLabels": { "alertname": group },
        "commonLabels": { "alertname": group, "severity": "critical" },
        "commonAnnotations": { "summary": format!("{group} fails") },
        "externalURL": "http://alertmanager.example:9093",
        "alerts": alerts.iter().map(alert).collect::<Vec<_>>(),
    })
}
