//! What became of a command: accepted with positions, or refused by a rule.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::messages::{example, messages, record};

/// A place in the log as it travels in records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.command")]
pub struct EventPosition {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// Why a command was refused. `rule` is stable and machine-readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.command")]
pub struct Refusal {
    pub rule: String,
    pub detail: String,
    /// Where the rule is about a transition: what would be allowed.
    pub allowed_next: Vec<String>,
}

record! { "srecopilot.command",
    /// Topic `command.outcomes`, key = command id; the envelope's id is the command id.
    CommandSettled {
        /// Aggregate type and id.
        pub aggregate: String,
        pub aggregate_id: String,
        /// None = accepted.
        pub refusal: Option<Refusal>,
        /// The aggregate's version after the command (before it, where refused).
        pub version: i64,
        /// Where the events lie; empty where nothing changed.
        pub positions: Vec<EventPosition>,
        pub request_hash: Option<String>,
    }
}

messages! {
    /// Topic `command.outcomes`.
    Outcome in "command" { CommandSettled }
}

example! {
    CommandSettled { aggregate: "incident".to_owned(), aggregate_id: "0192f0c1-2b3c-7d4e-8f50-123456789abc".to_owned(), refusal: Some(Refusal { rule: "illegal_transition".to_owned(), detail: "a learned incident cannot be acknowledged".to_owned(), allowed_next: vec!["reopen".to_owned()] }), version: 4, positions: vec![EventPosition { topic: "incident.events".to_owned(), partition: 3, offset: 17 }], request_hash: Some("ab".repeat(16)) }
}
