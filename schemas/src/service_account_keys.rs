//! The end of all API keys of a service account at once: a fact for the keyring, which
//! reads it beside the keys.

use crate::messages::{example, messages, record};

record! { "srecopilot.identity",
    /// Ends every key of the service account that is the record's key, those to come
    /// included.
    EndServiceAccountKeys { pub reason: Option<String> }
}

messages! {
    /// What aggregate `ServiceAccountKeys` is asked to do.
    ServiceAccountKeysCommand in "identity" { EndServiceAccountKeys }
}

record! { "srecopilot.identity",
    /// Topic `identity.keys`.
    ServiceAccountKeysEnded { pub reason: Option<String> }
}

messages! {
    /// What has happened to the keys of a service account.
    ServiceAccountKeysEvent in "identity" { ServiceAccountKeysEnded }
}

example! {
    EndServiceAccountKeys { reason: Some("the service account was disabled".to_owned()) }
    ServiceAccountKeysEnded { reason: Some("the service account was disabled".to_owned()) }
}
