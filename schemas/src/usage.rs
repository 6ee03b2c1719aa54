//! What a tenant has used: requests and items, by what they were for, whose key it was
//! and what refused them. Counts since the note before, so that folds add them up.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::ids::ApiKeyId;
use crate::messages::{example, messages, record};

/// One row of a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.telemetry")]
pub struct UsageCount {
    /// `api`, `metrics`, `logs`, `traces` or `webhooks`.
    pub used: String,
    /// None = people, and keys beyond those that are counted apart.
    pub key: Option<ApiKeyId>,
    /// What refused them; none = done.
    pub rule: Option<String>,
    pub requests: i64,
    /// Samples, log records or spans.
    pub items: i64,
    /// As sent.
    pub bytes: i64,
}

record! { "srecopilot.telemetry",
    /// What one process has counted of a tenant on one day; about once a minute.
    UsageCounted {
        /// Days since 1970 (UTC).
        pub day: i32,
        pub counts: Vec<UsageCount>,
    }
}

messages! {
    /// Topic `audit.operations`, key = tenant.
    UsageNote in "telemetry" { UsageCounted }
}

example! {
    UsageCounted { day: 20_756, counts: vec![UsageCount { used: "logs".to_owned(), key: Some(ApiKeyId(uuid::Uuid::from_u128(0xA7))), rule: None, requests: 12, items: 4_800, bytes: 1_200_000 }] }
}
