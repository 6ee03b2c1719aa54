//! The records of `incident.events`, told apart by their kind.

use eventlog::Record;
use schemas::alert_group::AlertGroupEvent;
use schemas::codec::CodecError;
use schemas::incident::IncidentEvent;
use schemas::incident_numbers::IncidentNumbersEvent;
use schemas::messages::MessageSet;

/// An event of one of the aggregates whose events share the topic.
#[derive(Debug, Clone, PartialEq)]
pub enum IncidentRecord {
    Incident(IncidentEvent),
    AlertGroup(AlertGroupEvent),
    IncidentNumbers(IncidentNumbersEvent),
}

impl IncidentRecord {
    pub fn read(record: &Record) -> Result<Self, CodecError> {
        let kind = record.kind();
        if AlertGroupEvent::has(kind) {
            record.decode().map(Self::AlertGroup)
        } else if IncidentNumbersEvent::has(kind) {
            record.decode().map(Self::IncidentNumbers)
        } else {
            record.decode().map(Self::Incident)
        }
    }
}
