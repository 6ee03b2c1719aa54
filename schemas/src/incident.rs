//! Incidents: one record per command and event, and the states they move through.

pub mod transitions;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{CommentId, GroupId, IncidentId, UserId};
use crate::messages::{messages, record};
use crate::severity::Severity;
use crate::time::Timestamp;

/// Where an incident stands. `Merged` is terminal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AvroSchema,
)]
#[serde(rename_all = "snake_case")]
#[avro(namespace = "srecopilot.incident")]
pub enum IncidentStatus {
    Detected,
    Acknowledged,
    Investigating,
    Mitigated,
    Resolved,
    Learned,
    Merged,
}

impl IncidentStatus {
    pub const ALL: [Self; 7] = [
        Self::Detected,
        Self::Acknowledged,
        Self::Investigating,
        Self::Mitigated,
        Self::Resolved,
        Self::Learned,
        Self::Merged,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Acknowledged => "acknowledged",
            Self::Investigating => "investigating",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
            Self::Learned => "learned",
            Self::Merged => "merged",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether people still have to act on it.
    pub fn is_open(self) -> bool {
        self < Self::Resolved
    }
}

/// What an incident was opened from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[serde(rename_all = "snake_case")]
#[avro(namespace = "srecopilot.incident")]
pub enum IncidentSource {
    Alertmanager,
    Manual,
}

impl IncidentSource {
    pub fn name(self) -> &'static str {
        match self {
            Self::Alertmanager => "alertmanager",
            Self::Manual => "manual",
        }
    }
}

/// A run of alerts of one group, from the first that fires to the last that resolves.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AvroSchema,
)]
#[avro(namespace = "srecopilot.incident")]
pub struct EpisodeRef {
    pub group: GroupId,
    /// Counts from 1 within the group.
    pub episode: i64,
}

record! { "srecopilot.incident",
    /// Opens the incident that is the record's key. Repeating it changes nothing.
    OpenIncident {
        pub title: String,
        pub description: Option<String>,
        pub severity: Severity,
        pub source: IncidentSource,
        pub episode: Option<EpisodeRef>,
        pub group_key: Option<String>,
    }
    AcknowledgeIncident { pub note: Option<String> }
    InvestigateIncident { pub note: Option<String> }
    MitigateIncident { pub note: Option<String> }
    ResolveIncident { pub note: Option<String> }
    LearnIncident { pub note: Option<String> }
    ReopenIncident { pub note: Option<String> }
    ChangeIncidentSeverity { pub severity: Severity }
    ChangeIncidentTitle { pub title: String }
    AssignIncident { pub assignee: Option<UserId> }
    CommentIncident { pub comment: CommentId, pub body: String }
    /// Begins merging the key's incident (the source) into `into`.
    RequestMerge { pub into: IncidentId }
    /// Asks the target to take over a source's episodes.
    AbsorbIncident { pub source: IncidentId, pub episodes: Vec<EpisodeRef> }
    CompleteMerge { pub into: IncidentId }
    CancelMerge { pub into: IncidentId, pub reason: String }
    /// The last alert of an episode has resolved.
    EndEpisode { pub episode: EpisodeRef, pub ended_at: Timestamp }
    /// Its alerts, or an incident merged into it, are this bad. Nothing where it is as bad already.
    RaiseIncidentSeverity { pub severity: Severity }
}

messages! {
    /// What aggregate `Incident` is asked to do.
    IncidentCommand in "incident" {
        OpenIncident,
        AcknowledgeIncident,
        InvestigateIncident,
        MitigateIncident,
        ResolveIncident,
        LearnIncident,
        ReopenIncident,
        ChangeIncidentSeverity,
        ChangeIncidentTitle,
        AssignIncident,
        CommentIncident,
        RequestMerge,
        AbsorbIncident,
        CompleteMerge,
        CancelMerge,
        EndEpisode,
        RaiseIncidentSeverity,
    }
}

record! { "srecopilot.incident",
    IncidentOpened {
        pub title: String,
        pub description: Option<String>,
        pub severity: Severity,
        pub source: IncidentSource,
        pub episode: Option<EpisodeRef>,
        pub group_key: Option<String>,
    }
    IncidentAcknowledged { pub note: Option<String> }
    IncidentInvestigated { pub note: Option<String> }
    IncidentMitigated { pub note: Option<String> }
    /// `automatic` where the last alert resolved, not a person.
    IncidentResolved { pub note: Option<String>, pub automatic: bool, pub episodes: Vec<EpisodeRef> }
    IncidentLearned { pub note: Option<String> }
    IncidentReopened { pub note: Option<String>, pub episodes: Vec<EpisodeRef> }
    IncidentSeverityChanged { pub from: Severity, pub to: Severity }
    IncidentTitleChanged { pub from: String, pub to: String }
    IncidentAssigned { pub from: Option<UserId>, pub to: Option<UserId> }
    IncidentCommented { pub comment: CommentId, pub body: String }
    MergeRequested { pub into: IncidentId, pub episodes: Vec<EpisodeRef> }
    IncidentAbsorbed { pub source: IncidentId, pub episodes: Vec<EpisodeRef> }
    AbsorptionRefused { pub source: IncidentId, pub reason: String }
    IncidentMerged { pub into: IncidentId }
    MergeCancelled { pub into: IncidentId, pub reason: String }
    /// One of several episodes of the incident ended; others still run.
    IncidentEpisodeEnded { pub episode: EpisodeRef, pub ended_at: Timestamp }
    /// The episode belongs to the incident that this one was merged into.
    EpisodeEndForwarded { pub episode: EpisodeRef, pub ended_at: Timestamp, pub into: IncidentId }
    /// How bad this one is counts for the incident that it was merged into.
    IncidentSeverityForwarded { pub severity: Severity, pub into: IncidentId }
}

messages! {
    /// What has happened to an incident.
    IncidentEvent in "incident" {
        IncidentOpened,
        IncidentAcknowledged,
        IncidentInvestigated,
        IncidentMitigated,
        IncidentResolved,
        IncidentLearned,
        IncidentReopened,
        IncidentSeverityChanged,
        IncidentTitleChanged,
        IncidentAssigned,
        IncidentCommented,
        MergeRequested,
        IncidentAbsorbed,
        AbsorptionRefused,
        IncidentMerged,
        MergeCancelled,
        IncidentEpisodeEnded,
        EpisodeEndForwarded,
        IncidentSeverityForwarded,
    }
}

/// The committed examples.
mod examples {
    use super::*;
    use crate::messages::example;
    use uuid::Uuid;

    fn episode() -> EpisodeRef {
        EpisodeRef {
            group: GroupId(Uuid::from_u128(0xA1)),
            episode: 1,
        }
    }

    fn other() -> IncidentId {
        IncidentId(Uuid::from_u128(0xB2))
    }

    fn at() -> Timestamp {
        Timestamp::from_micros(1_793_500_860_000_000)
    }

    fn note() -> Option<String> {
        Some("rolled back checkout to 4.1.2".to_owned())
    }

    example! {
        OpenIncident { title: "Checkout answers 5xx".to_owned(), description: Some("more than 5 % for 2 m".to_owned()), severity: Severity::Sev1, source: IncidentSource::Alertmanager, episode: Some(episode()), group_key: Some("{}:{alertname=\"CheckoutErrors\"}".to_owned()) }
        AcknowledgeIncident { note: None }
        InvestigateIncident { note: None }
        MitigateIncident { note: note() }
        ResolveIncident { note: note() }
        LearnIncident { note: note() }
        ReopenIncident { note: note() }
        ChangeIncidentSeverity { severity: Severity::Sev2 }
        ChangeIncidentTitle { title: "Checkout is down".to_owned() }
        AssignIncident { assignee: Some(UserId(Uuid::from_u128(0xC3))) }
        CommentIncident { comment: CommentId(Uuid::from_u128(0xD4)), body: "looking at the deploy of 02:31".to_owned() }
        RequestMerge { into: other() }
        AbsorbIncident { source: other(), episodes: vec![episode()] }
        CompleteMerge { into: other() }
        CancelMerge { into: other(), reason: "the target is resolved".to_owned() }
        EndEpisode { episode: episode(), ended_at: at() }
        RaiseIncidentSeverity { severity: Severity::Sev1 }
        IncidentOpened { title: "Checkout answers 5xx".to_owned(), description: Some("more than 5 % for 2 m".to_owned()), severity: Severity::Sev1, source: IncidentSource::Alertmanager, episode: Some(episode()), group_key: Some("{}:{alertname=\"CheckoutErrors\"}".to_owned()) }
        IncidentAcknowledged { note: None }
        IncidentInvestigated { note: None }
        IncidentMitigated { note: note() }
        IncidentResolved { note: note(), automatic: false, episodes: vec![episode()] }
        IncidentLearned { note: note() }
        IncidentReopened { note: note(), episodes: vec![episode()] }
        IncidentSeverityChanged { from: Severity::Sev3, to: Severity::Sev2 }
        IncidentTitleChanged { from: "Checkout answers 5xx".to_owned(), to: "Checkout is down".to_owned() }
        IncidentAssigned { from: None, to: Some(UserId(Uuid::from_u128(0xC3))) }
        IncidentCommented { comment: CommentId(Uuid::from_u128(0xD4)), body: "looking at the deploy of 02:31".to_owned() }
        MergeRequested { into: other(), episodes: vec![episode()] }
        IncidentAbsorbed { source: other(), episodes: vec![episode()] }
        AbsorptionRefused { source: other(), reason: "the target is resolved".to_owned() }
        IncidentMerged { into: other() }
        MergeCancelled { into: other(), reason: "the target is resolved".to_owned() }
        IncidentEpisodeEnded { episode: episode(), ended_at: at() }
        EpisodeEndForwarded { episode: episode(), ended_at: at(), into: other() }
        IncidentSeverityForwarded { severity: Severity::Sev1, into: other() }
    }
}
