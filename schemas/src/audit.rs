//! Audit records: one per API operation or refusal, keyed by tenant.

pub mod chain;

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
        /// JSON: `{"before": {...}, "after": {...}}` with the fields of the target that
        /// the operation changed; `before` is null where it created the target. Personal
        /// values and secrets are never in it. None = nothing changed.
        #[serde(default)]
        #[avro(default = "null")]
        pub changes: Option<String>,
    }
    /// Sensitive data was read, or something was tried without leave.
    AccessRecorded {
        /// The action of the table of permissions, for instance `audit.read`.
        pub action: String,
        /// `route`, or the thing that was reached for.
        pub target_type: String,
        /// Method and path without query, or the thing's id.
        pub target_id: String,
        /// None = it was read.
        pub refused_rule: Option<String>,
    }
    /// The end of a tenant's chain, signed: what came before it cannot be written anew
    /// by whoever lacks the installation's key.
    ChainSealed {
        /// The id of the chain's first entry.
        pub origin: uuid::Uuid,
        pub seq: i64,
        /// Of the entry `seq`, in hex.
        pub hash: String,
        /// The public key, an Ed25519 point in base64url.
        pub key: String,
        /// Ed25519 in base64url, over `chain::sealed_text`.
        pub signature: String,
    }
    /// An API key was used; at most once a minute a key.
    ApiKeyUsed { pub key: crate::ids::ApiKeyId }
}

messages! {
    /// Topic `audit.operations`.
    AuditRecord in "audit" { OperationRecorded, AccessRecorded, ChainSealed, ApiKeyUsed }
}

example! {
    OperationRecorded { operation: "AcknowledgeIncident".to_owned(), target_type: "incident".to_owned(), target_id: "0192f0c1-2b3c-7d4e-8f50-123456789abc".to_owned(), refused_rule: Some("illegal_transition".to_owned()), version: 4, changes: Some(r#"{"before":{"status":"detected"},"after":{"status":"acknowledged"}}"#.to_owned()) }
    AccessRecorded { action: "audit.read".to_owned(), target_type: "route".to_owned(), target_id: "GET /api/v1/audit".to_owned(), refused_rule: Some("forbidden".to_owned()) }
    ChainSealed { origin: uuid::Uuid::from_u128(0xAE), seq: 2, hash: "00".repeat(32), key: "A".repeat(43), signature: "A".repeat(86) }
    ApiKeyUsed { key: crate::ids::ApiKeyId(uuid::Uuid::from_u128(0xA7)) }
}
