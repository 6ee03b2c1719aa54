//! Damage, as it is told to people.

use std::fmt;
use std::path::Path;

use schemas::topic::{Journal, Topic};

use super::group::Damage;
use crate::Position;

/// Bytes of a segment that are not what was written. The records they held are
/// never served: reading arrives at [`crate::LogError::Corrupt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub journal: &'static str,
    /// File name within the journal's folder.
    pub segment: String,
    pub byte: u64,
    pub bytes: u64,
    /// The record that is lost, where one is.
    pub record: Option<Position>,
    pub detail: String,
}

impl Finding {
    pub(super) fn new(journal: Journal, path: &Path, damage: Damage) -> Self {
        let record = damage.record.and_then(|(topic, partition, offset)| {
            Some(Position {
                topic: Topic::by_id(topic)?,
                partition: partition.into(),
                offset,
            })
        });
        Self {
            journal: journal.name(),
            segment: name_of(path),
            byte: damage.byte,
            bytes: damage.bytes,
            record,
            detail: damage.detail,
        }
    }

    /// Says so in the process's log and counts it.
    pub(super) fn report(&self) {
        metrics::counter!("eventlog_damage_total", "journal" => self.journal).increment(1);
        tracing::error!(
            journal = self.journal,
            segment = self.segment,
            byte = self.byte,
            record = self.record.map(|p| p.to_string()),
            "the log is damaged: {}",
            self.detail
        );
    }
}

/// Counts the journal's damage from zero, so that the first is seen as an increase.
pub(super) fn count_from_zero(journal: Journal) {
    for counted in ["eventlog_damage_total", "eventlog_corrupt_reads_total"] {
        metrics::counter!(counted, "journal" => journal.name()).increment(0);
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            journal,
            segment,
            byte,
            detail,
            ..
        } = self;
        write!(f, "journal {journal}, segment {segment}, byte {byte}")?;
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        write!(f, ": {detail}")
    }
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
