//! Alerts as their senders group them, and the episodes that become incidents.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, IncidentId};
use crate::labels::Label;
use crate::messages::{example, messages, record};
use crate::severity::Severity;
use crate::time::Timestamp;

/// What a sender says of one alert in one notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.incident")]
pub struct AlertReport {
    pub fingerprint: String,
    pub firing: bool,
    /// `alertname`, or what the sender calls it.
    pub name: String,
    pub labels: Vec<Label>,
    pub annotations: Vec<Label>,
    pub starts_at: Timestamp,
    /// None while it fires (Alertmanager sends the year 1).
    pub ends_at: Option<Timestamp>,
    pub generator_url: Option<String>,
}

record! { "srecopilot.incident",
    /// One notification of a group (the record's key).
    ReceiveAlerts {
        pub group_key: String,
        pub receiver: String,
        /// Title and severity of the incident if this begins an episode.
        pub title: String,
        pub severity: Severity,
        pub alerts: Vec<AlertReport>,
        /// How many alerts the sender left out for size.
        pub truncated: i64,
        /// No alert of the group fires any more, those left out included.
        #[serde(default)]
        #[avro(default = "false")]
        pub group_resolved: bool,
    }
    /// People resolved the episode's incident while alerts still fire.
    CloseEpisode { pub episode: i64 }
    /// People reopened the episode's incident.
    ReopenEpisode { pub episode: i64 }
}

messages! {
    /// What aggregate `AlertGroup` is asked to do.
    AlertGroupCommand in "incident" { ReceiveAlerts, CloseEpisode, ReopenEpisode }
}

record! { "srecopilot.incident",
    EpisodeBegan {
        pub episode: i64,
        pub incident: IncidentId,
        pub group_key: String,
        pub title: String,
        pub severity: Severity,
    }
    AlertFired {
        pub alert: AlertId,
        pub episode: i64,
        pub incident: IncidentId,
        pub fingerprint: String,
        pub name: String,
        pub severity: Severity,
        pub labels: Vec<Label>,
        pub annotations: Vec<Label>,
        pub starts_at: Timestamp,
        pub generator_url: Option<String>,
        pub receiver: String,
        pub group_key: String,
    }
    AlertResolved {
        pub alert: AlertId,
        pub episode: i64,
        pub incident: IncidentId,
        pub fingerprint: String,
        pub name: String,
        pub starts_at: Timestamp,
        pub ends_at: Timestamp,
        /// When it was told, by our clock; None in records from before it was kept.
        #[serde(default)]
        #[avro(default = "null")]
        pub told_at: Option<Timestamp>,
    }
    /// A resolve came before its fire; the fire will be ignored when it comes soon.
    UnseenAlertResolved {
        pub fingerprint: String,
        pub starts_at: Timestamp,
        pub ends_at: Timestamp,
        /// When it was told, by our clock; None in records from before it was kept.
        #[serde(default)]
        #[avro(default = "null")]
        pub told_at: Option<Timestamp>,
    }
    /// The last firing alert of the episode has resolved.
    EpisodeEnded { pub episode: i64, pub incident: IncidentId, pub ended_at: Timestamp }
    EpisodeClosed { pub episode: i64 }
    EpisodeReopened { pub episode: i64 }
    /// The sender left alerts out of a notification.
    AlertsTruncated { pub count: i64 }
    /// An alert joined the episode that is worse than all before it.
    EpisodeWorsened { pub episode: i64, pub incident: IncidentId, pub severity: Severity }
}

messages! {
    /// What has happened to a group of alerts.
    AlertGroupEvent in "incident" {
        EpisodeBegan,
        AlertFired,
        AlertResolved,
        UnseenAlertResolved,
        EpisodeEnded,
        EpisodeClosed,
        EpisodeReopened,
        AlertsTruncated,
        EpisodeWorsened,
    }
}

/// The committed examples.
mod examples {
    use super::*;
    use uuid::Uuid;

    const GROUP_KEY: &str = "{}:{alertname=\"CheckoutErrors\"}";

    fn incident() -> IncidentId {
        IncidentId(Uuid::from_u128(0xB2))
    }

    fn alert() -> AlertId {
        AlertId(Uuid::from_u128(0xE5))
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_micros(1_793_500_860_000_000 + minute * 60_000_000)
    }

    fn label(name: &str, value: &str) -> Vec<Label> {
        vec![Label {
            name: name.to_owned(),
            value: value.to_owned(),
        }]
    }

    fn report() -> AlertReport {
        AlertReport {
            fingerprint: "b0d4f3a2c1e59687".to_owned(),
            firing: true,
            name: "CheckoutErrors".to_owned(),
            labels: label("severity", "critical"),
            annotations: label("summary", "Checkout answers 5xx"),
            starts_at: at(0),
            ends_at: None,
            generator_url: Some("http://prometheus.example:9090/graph?g0.expr=up".to_owned()),
        }
    }

    example! {
        ReceiveAlerts { group_key: GROUP_KEY.to_owned(), receiver: "sre-copilot".to_owned(), title: "Checkout answers 5xx".to_owned(), severity: Severity::Sev1, alerts: vec![report()], truncated: 0, group_resolved: false }
        CloseEpisode { episode: 1 }
        ReopenEpisode { episode: 1 }
        EpisodeBegan { episode: 1, incident: incident(), group_key: GROUP_KEY.to_owned(), title: "Checkout answers 5xx".to_owned(), severity: Severity::Sev1 }
        AlertFired { alert: alert(), episode: 1, incident: incident(), fingerprint: report().fingerprint, name: report().name, severity: Severity::Sev1, labels: report().labels, annotations: report().annotations, starts_at: at(0), generator_url: report().generator_url, receiver: "sre-copilot".to_owned(), group_key: GROUP_KEY.to_owned() }
        AlertResolved { alert: alert(), episode: 1, incident: incident(), fingerprint: report().fingerprint, name: report().name, starts_at: at(0), ends_at: at(9), told_at: Some(at(10)) }
        UnseenAlertResolved { fingerprint: report().fingerprint, starts_at: at(0), ends_at: at(9), told_at: Some(at(10)) }
        EpisodeEnded { episode: 1, incident: incident(), ended_at: at(9) }
        EpisodeClosed { episode: 1 }
        EpisodeReopened { episode: 1 }
        AlertsTruncated { count: 3 }
        EpisodeWorsened { episode: 1, incident: incident(), severity: Severity::Sev1 }
    }
}
