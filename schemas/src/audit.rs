//! Audit records: one per API operation or refusal, keyed by tenant.

use crate::messages::{example, messages, record};

record! { "srecopilot.audit",
    /// Who asked for what, and whether it was done. Actor, time, tenant, project
    /// and correlation are in the envelope.
    OperationRecorded {
        /// The command's type, for instance `AcknowledgeIncident`.
        pub operation: String,
        pub target_type: String,
        pub target_id: String,
        /// None = done.
        pub refused_rule: Option<String>,
        /// The target's version after the operation.
        pub version: i64,
    }
    /// An API key was used; at most once a minute a key.
    ApiKeyUsed { pub key: crate::ids::ApiKeyId }
}

messages! {
    /// Topic `audit.operations`.
    AuditRecord in "audit" { OperationRecorded, ApiKeyUsed }
}

example! {
    OperationRecorded { operation: "AcknowledgeIncident".to_owned(), target_type: "incident".to_owned(), target_id: "0192f0c1-2b3c-7d4e-8f50-123456789abc".to_owned(), refused_rule: Some("illegal_transition".to_owned()), version: 4 }
    ApiKeyUsed { key: crate::ids::ApiKeyId(uuid::Uuid::from_u128(0xA7)) }
}
