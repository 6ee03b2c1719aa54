//! The topics of the log: names, partitions, retention and journal. Counts are
//! fixed when a log is created and equal on both backends.

use crate::time::Timestamp;

/// An ordered sequence of segment files with one committer; an atomic batch
/// stays inside one. Kafka has no journals and ignores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Journal {
    /// Every commands, events, outcomes, keys, audit and progress record.
    Main,
    Webhooks,
    Metrics,
    Logs,
    Traces,
}

impl Journal {
    pub const ALL: [Self; 5] = [
        Self::Main,
        Self::Webhooks,
        Self::Metrics,
        Self::Logs,
        Self::Traces,
    ];

    /// The journal's folder name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Webhooks => "webhooks",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

/// How long records of a topic are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    Forever,
    Days(u16),
    /// As a deployment sets it for telemetry.
    Seconds(u32),
}

impl Retention {
    /// Whether a record appended at `at` is past its time at `now`.
    pub fn expired(self, at: Timestamp, now: Timestamp) -> bool {
        self.millis()
            .is_some_and(|kept| now.millis_since(at) > kept)
    }

    /// None = for ever.
    pub fn millis(self) -> Option<i64> {
        match self {
            Self::Forever => None,
            Self::Days(days) => Some(i64::from(days) * 86_400_000),
            Self::Seconds(seconds) => Some(i64::from(seconds) * 1_000),
        }
    }
}

/// A named stream of records, split into partitions by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    IdentityCommands,
    IdentityEvents,
    IdentityKeys,
    IncidentCommands,
    IncidentEvents,
    CommandOutcomes,
    AuditOperations,
    WorkersProgress,
    Schemas,
    InboundWebhooks,
    TelemetryMetrics,
    TelemetryLogs,
    TelemetryTraces,
    IdentityCommandsDlq,
    IncidentCommandsDlq,
    IncidentEventsDlq,
    InboundWebhooksDlq,
    CatalogCommands,
    CatalogEvents,
    CatalogCommandsDlq,
    MonitoringCommands,
    MonitoringEvents,
    MonitoringCommandsDlq,
}

/// One row of the table in DESIGN section 5.
struct Spec {
    topic: Topic,
    name: &'static str,
    id: u16,
    partitions: i32,
    retention: Retention,
    journal: Journal,
}

/// The registry: one line a topic. `id` is on disk in every embedded record and
/// never changes its meaning.
#[rustfmt::skip]
const SPECS: [Spec; 23] = {
    use Journal::{Logs, Main, Metrics, Traces, Webhooks};
    use Retention::{Days, Forever};
    const fn row(topic: Topic, name: &'static str, id: u16, partitions: i32, retention: Retention, journal: Journal) -> Spec {
        Spec { topic, name, id, partitions, retention, journal }
    }
    [
        row(Topic::IdentityCommands, "identity.commands", 1, 8, Days(7), Main),
        row(Topic::IdentityEvents, "identity.events", 2, 8, Forever, Main),
        row(Topic::IdentityKeys, "identity.keys", 3, 8, Forever, Main),
        row(Topic::IncidentCommands, "incident.commands", 4, 16, Days(7), Main),
        row(Topic::IncidentEvents, "incident.events", 5, 16, Forever, Main),
        row(Topic::CommandOutcomes, "command.outcomes", 6, 8, Days(1), Main),
        row(Topic::AuditOperations, "audit.operations", 7, 8, Days(400), Main),
        row(Topic::WorkersProgress, "workers.progress", 8, 1, Forever, Main),
        row(Topic::Schemas, "schemas", 9, 1, Forever, Main),
        row(Topic::InboundWebhooks, "inbound.webhooks", 10, 8, Days(90), Webhooks),
        row(Topic::TelemetryMetrics, "telemetry.metrics", 11, 16, Days(3), Metrics),
        row(Topic::TelemetryLogs, "telemetry.logs", 12, 16, Days(3), Logs),
        row(Topic::TelemetryTraces, "telemetry.traces", 13, 16, Days(3), Traces),
        row(Topic::IdentityCommandsDlq, "identity.commands.dlq", 14, 8, Days(30), Main),
        row(Topic::IncidentCommandsDlq, "incident.commands.dlq", 15, 16, Days(30), Main),
        row(Topic::IncidentEventsDlq, "incident.events.dlq", 16, 16, Days(30), Main),
        row(Topic::InboundWebhooksDlq, "inbound.webhooks.dlq", 17, 8, Days(30), Main),
        row(Topic::CatalogCommands, "catalog.commands", 18, 4, Days(7), Main),
        row(Topic::CatalogEvents, "catalog.events", 19, 4, Forever, Main),
        row(Topic::CatalogCommandsDlq, "catalog.commands.dlq", 20, 4, Days(30), Main),
        row(Topic::MonitoringCommands, "monitoring.commands", 21, 8, Days(7), Main),
        row(Topic::MonitoringEvents, "monitoring.events", 22, 8, Forever, Main),
        row(Topic::MonitoringCommandsDlq, "monitoring.commands.dlq", 23, 8, Days(30), Main),
    ]
};

impl Topic {
    /// Every topic, in the registry's order.
    pub fn all() -> impl Iterator<Item = Self> {
        SPECS.iter().map(|spec| spec.topic)
    }

    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The number that embedded records carry instead of the name.
    pub fn id(self) -> u16 {
        self.spec().id
    }

    pub fn partitions(self) -> i32 {
        self.spec().partitions
    }

    pub fn retention(self) -> Retention {
        self.spec().retention
    }

    pub fn journal(self) -> Journal {
        self.spec().journal
    }

    pub fn by_name(name: &str) -> Option<Self> {
        SPECS
            .iter()
            .find(|spec| spec.name == name)
            .map(|spec| spec.topic)
    }

    pub fn by_id(id: u16) -> Option<Self> {
        SPECS
            .iter()
            .find(|spec| spec.id == id)
            .map(|spec| spec.topic)
    }

    /// The partition of `key`: xxh3-64 modulo the count, on both backends.
    pub fn partition_of(self, key: &[u8]) -> i32 {
        let count = self.partitions().unsigned_abs();
        let hash = xxhash_rust::xxh3::xxh3_64(key);
        i32::try_from(hash % u64::from(count)).expect("a remainder of an i32 count fits an i32")
    }

    /// Where records of this topic go that a worker or the runner cannot read.
    pub fn dead_letters(self) -> Option<Self> {
        Self::by_name(&format!("{}.dlq", self.name()))
    }

    fn spec(self) -> &'static Spec {
        // Rows are in the order of the enum; a test holds it.
        &SPECS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_are_unique_and_complete() {
        let names: HashSet<_> = Topic::all().map(Topic::name).collect();
        let ids: HashSet<_> = Topic::all().map(Topic::id).collect();
        assert_eq!((names.len(), ids.len()), (SPECS.len(), SPECS.len()));
        for (n, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.topic as usize, n, "the row of {}", spec.name);
        }
    }

    #[test]
    fn a_key_keeps_its_partition_for_ever() {
        let key = b"0192f0c1-2b3c-7d4e-8f50-123456789abc";
        assert_eq!(Topic::IncidentCommands.partition_of(key), 3);
        assert_eq!(Topic::IncidentEvents.partition_of(key), 3);
    }
}
