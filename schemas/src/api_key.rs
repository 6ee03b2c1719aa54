//! API keys as facts for the keyring: what a key may do, never the key itself.

use crate::ids::{ApiKeyId, ProjectId, ServiceAccountId};
use crate::messages::{example, messages, record};
use crate::time::Timestamp;

record! { "srecopilot.identity",
    /// Creates the key that is the record's key.
    CreateApiKey {
        pub name: String,
        pub project: ProjectId,
        /// SHA-256 of the whole key text, hex.
        pub hash: String,
        /// The first characters, by which people recognise it.
        pub prefix: String,
        /// `ingest` or one kind of it (`ingest:logs`), `read`, `write`, `admin`.
        pub scopes: Vec<String>,
        pub expires_at: Option<Timestamp>,
        /// Whose key it is, where it is a program's with a name of its own.
        #[serde(default)]
        pub service_account: Option<ServiceAccountId>,
    }
    RevokeApiKey { pub reason: Option<String> }
    /// Ends the key at a time, if it does not end before; never later than it would.
    EndApiKey {
        pub expires_at: Timestamp,
        /// The key that takes its place, which is made when this was accepted: a key has
        /// one successor.
        #[serde(default)]
        pub successor: Option<ApiKeyId>,
    }
    /// Another name or other scopes for a key that goes on; what is not given stays.
    ChangeApiKey {
        pub name: Option<String>,
        pub scopes: Option<Vec<String>>,
    }
}

messages! {
    /// What aggregate `ApiKey` is asked to do.
    ApiKeyCommand in "identity" { CreateApiKey, RevokeApiKey, EndApiKey, ChangeApiKey }
}

record! { "srecopilot.identity",
    ApiKeyCreated {
        pub name: String,
        pub project: ProjectId,
        pub hash: String,
        pub prefix: String,
        pub scopes: Vec<String>,
        pub expires_at: Option<Timestamp>,
        #[serde(default)]
        pub service_account: Option<ServiceAccountId>,
    }
    ApiKeyRevoked { pub reason: Option<String> }
    ApiKeyEndSet {
        pub expires_at: Timestamp,
        /// None in records from before successors were named.
        #[serde(default)]
        pub successor: Option<ApiKeyId>,
    }
    /// Both as they are from now on.
    ApiKeyChanged {
        pub name: String,
        pub scopes: Vec<String>,
    }
}

messages! {
    /// What has happened to a key; topic `identity.keys`.
    ApiKeyEvent in "identity" { ApiKeyCreated, ApiKeyRevoked, ApiKeyEndSet, ApiKeyChanged }
}

/// The committed examples.
mod examples {
    use super::*;
    use uuid::Uuid;

    fn project() -> ProjectId {
        ProjectId(Uuid::from_u128(0xF6))
    }

    fn expiry() -> Option<Timestamp> {
        Some(Timestamp::from_micros(1_800_000_000_000_000))
    }

    fn account() -> Option<ServiceAccountId> {
        Some(ServiceAccountId(Uuid::from_u128(0x5A)))
    }

    fn successor() -> Option<ApiKeyId> {
        Some(ApiKeyId(Uuid::from_u128(0xA8)))
    }

    fn scopes() -> Vec<String> {
        vec!["ingest".to_owned()]
    }

    example! {
        CreateApiKey { name: "alertmanager".to_owned(), project: project(), hash: "00".repeat(32), prefix: "srec_a1b2".to_owned(), scopes: scopes(), expires_at: expiry(), service_account: account() }
        RevokeApiKey { reason: Some("leaked".to_owned()) }
        ApiKeyCreated { name: "alertmanager".to_owned(), project: project(), hash: "00".repeat(32), prefix: "srec_a1b2".to_owned(), scopes: scopes(), expires_at: expiry(), service_account: account() }
        ApiKeyRevoked { reason: Some("leaked".to_owned()) }
        EndApiKey { expires_at: Timestamp::from_micros(1_790_086_400_000_000), successor: successor() }
        ApiKeyEndSet { expires_at: Timestamp::from_micros(1_790_086_400_000_000), successor: successor() }
        ChangeApiKey { name: Some("alertmanager-eu".to_owned()), scopes: Some(scopes()) }
        ApiKeyChanged { name: "alertmanager-eu".to_owned(), scopes: scopes() }
    }
}
