//! Bookkeeping of the platform itself: how far a consumer group has read, and
//! which schemas a process writes.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::messages::{example, messages, record};

/// The next offset a group will read of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.workers")]
pub struct NextOffset {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

record! { "srecopilot.workers",
    /// Topic `workers.progress`, key = group; in the same batch as its effects.
    ProgressMade { pub group: String, pub next: Vec<NextOffset> }
    /// Topic `schemas`, key = fingerprint: appended at start by each version.
    SchemaAnnounced { pub kind: String, pub schema: String }
}

messages! {
    /// Topics `workers.progress` and `schemas`.
    PlatformRecord in "workers" { ProgressMade, SchemaAnnounced }
}

example! {
    ProgressMade { group: "incident_opener".to_owned(), next: vec![NextOffset { topic: "incident.events".to_owned(), partition: 3, offset: 18 }] }
    SchemaAnnounced { kind: "IncidentOpened".to_owned(), schema: "{\"type\":\"record\",\"name\":\"Example\",\"fields\":[]}".to_owned() }
}
