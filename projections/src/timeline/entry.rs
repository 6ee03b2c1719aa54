//! From an event to its line in the timeline; pure.

use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::alert_group::AlertGroupEvent;
use schemas::envelope::Envelope;
use schemas::ids::IncidentId;
use schemas::incident::IncidentEvent;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::runtime::{ApplyError, decode_scoped, scope_of, sequence_of, subject_id};

/// A row of table `timeline`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    id: Uuid,
    tenant_id: Uuid,
    project_id: Uuid,
    pub(super) incident_id: Uuid,
    at: DateTime<Utc>,
    rank: i16,
    sequence: i64,
    kind: &'static str,
    actor: String,
    text: Option<String>,
    data: Value,
}

/// Kind, text and data of a line.
type Line = (&'static str, Option<String>, Value);

/// The line that a record is worth, if any.
pub(super) fn of(record: &Record) -> Result<Option<(Envelope, Row)>, ApplyError> {
    let (envelope, incident, line) = if let Some((envelope, event)) = decode_scoped(record)? {
        let incident = IncidentId(subject_id(&envelope, "an incident id")?);
        (envelope, incident, of_incident(event))
    } else if let Some((envelope, event)) = decode_scoped(record)? {
        let Some((incident, line)) = of_alert(event) else {
            return Ok(None);
        };
        (envelope, incident, Some(line))
    } else {
        return Ok(None);
    };
    let Some(line) = line else { return Ok(None) };
    let row = row(&envelope, incident, line)?;
    Ok(Some((envelope, row)))
}

fn of_incident(event: IncidentEvent) -> Option<Line> {
    use IncidentEvent as E;
    Some(match event {
        E::IncidentOpened(e) => (
            "opened",
            e.description,
            json!({"title": e.title, "severity": e.severity}),
        ),
        E::IncidentAcknowledged(e) => ("acknowledged", e.note, json!({})),
        E::IncidentInvestigated(e) => ("investigating", e.note, json!({})),
        E::IncidentMitigated(e) => ("mitigated", e.note, json!({})),
        E::IncidentResolved(e) => ("resolved", e.note, json!({"automatic": e.automatic})),
        E::IncidentLearned(e) => ("learned", e.note, json!({})),
        E::IncidentReopened(e) => ("reopened", e.note, json!({})),
        E::IncidentSeverityChanged(e) => (
            "severity_changed",
            None,
            json!({"from": e.from, "to": e.to}),
        ),
        E::IncidentTitleChanged(e) => ("title_changed", None, json!({"from": e.from, "to": e.to})),
        E::IncidentAssigned(e) => ("assigned", None, json!({"from": e.from, "to": e.to})),
        E::IncidentCommented(e) => ("comment", Some(e.body), json!({"comment_id": e.comment})),
        E::MergeRequested(e) => ("merge_requested", None, json!({"into": e.into})),
        E::IncidentAbsorbed(e) => ("absorbed", None, json!({"source": e.source})),
        E::IncidentMerged(e) => ("merged", None, json!({"into": e.into})),
        E::MergeCancelled(e) => ("merge_cancelled", Some(e.reason), json!({"into": e.into})),
        E::AbsorptionRefused(_)
        | E::IncidentEpisodeEnded(_)
        | E::EpisodeEndForwarded(_)
        | E::IncidentSeverityForwarded(_) => return None,
    })
}

fn of_alert(event: AlertGroupEvent) -> Option<(IncidentId, Line)> {
    use AlertGroupEvent as E;
    let alert =
        |id, name, fingerprint| json!({"alert_id": id, "name": name, "fingerprint": fingerprint});
    match event {
        E::AlertFired(e) => {
            let data = alert(e.alert, e.name, e.fingerprint);
            Some((e.incident, ("alert_fired", None, data)))
        }
        E::AlertResolved(e) => {
            let data = alert(e.alert, e.name, e.fingerprint);
            Some((e.incident, ("alert_resolved", None, data)))
        }
        E::EpisodeBegan(_)
        | E::UnseenAlertResolved(_)
        | E::EpisodeEnded(_)
        | E::EpisodeClosed(_)
        | E::EpisodeReopened(_)
        | E::AlertsTruncated(_)
        | E::EpisodeWorsened(_) => None,
    }
}

fn row(
    envelope: &Envelope,
    incident: IncidentId,
    (kind, text, data): Line,
) -> Result<Row, ApplyError> {
    let (tenant, project) = scope_of(envelope)?;
    Ok(Row {
        id: envelope.id,
        tenant_id: tenant.0,
        project_id: project.0,
        incident_id: incident.0,
        at: envelope.time.datetime(),
        rank: rank(kind),
        sequence: sequence_of(envelope)?,
        kind,
        actor: envelope.actor.to_string(),
        text,
        data,
    })
}

/// What one notification brings about happens at its time, counted by the incident and
/// by its group apart: an alert that resolves comes before the incident that it resolves.
fn rank(kind: &str) -> i16 {
    match kind {
        "opened" => 0,
        "alert_fired" | "alert_resolved" => 1,
        _ => 2,
    }
}
