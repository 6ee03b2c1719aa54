//! What an audit record tells of an incident.

use schemas::incident::IncidentEvent;

use super::{Incident, Opened};
use crate::audited::{Audited, Changes};

impl Audited for Incident {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        let (before, after) = (before.opened.as_ref(), after.opened.as_ref());
        let mut field = |name, of: fn(&Opened) -> &str| {
            changes.field(name, before.map(of), after.map(of));
        };
        field("status", |incident| incident.status.name());
        field("title", |incident| &incident.title);
        field("severity", |incident| incident.severity.name());
        field("source", |incident| incident.source.name());
        let ids = |of: fn(&Opened) -> Option<uuid::Uuid>| (before.and_then(of), after.and_then(of));
        let (from, to) = ids(|incident| incident.assignee.map(|user| user.0));
        changes.field("assignee", from, to);
        let (from, to) = ids(|incident| incident.merging.as_ref().map(|merging| merging.into.0));
        changes.field("merging_into", from, to);
        let (from, to) = ids(|incident| incident.merged_into.map(|into| into.0));
        changes.field("merged_into", from, to);
        changes.field(
            "absorbed",
            before.map(|incident| &incident.absorbed),
            after.map(|incident| &incident.absorbed),
        );
    }

    fn tell(event: &IncidentEvent, changes: &mut Changes) {
        use IncidentEvent as E;
        let note = match event {
            E::IncidentCommented(e) => {
                changes.said("comment", &e.body);
                return;
            }
            E::IncidentOpened(e) => {
                if let Some(description) = &e.description {
                    changes.said("description", description);
                }
                return;
            }
            E::IncidentAcknowledged(e) => &e.note,
            E::IncidentInvestigated(e) => &e.note,
            E::IncidentMitigated(e) => &e.note,
            E::IncidentResolved(e) => &e.note,
            E::IncidentLearned(e) => &e.note,
            E::IncidentReopened(e) => &e.note,
            _ => return,
        };
        if let Some(note) = note {
            changes.said("note", note);
        }
    }
}
