//! The end of all API keys of a tenant at once: a fact for the keyring, which reads it
//! beside the keys.

use crate::messages::{example, messages, record};

record! { "srecopilot.identity",
    /// Ends every key of the tenant that is the record's key, those to come included.
    EndTenantKeys { pub reason: Option<String> }
}

messages! {
    /// What aggregate `TenantKeys` is asked to do.
    TenantKeysCommand in "identity" { EndTenantKeys }
}

record! { "srecopilot.identity",
    /// Topic `identity.keys`.
    TenantKeysEnded { pub reason: Option<String> }
}

messages! {
    /// What has happened to the keys of a tenant.
    TenantKeysEvent in "identity" { TenantKeysEnded }
}

example! {
    EndTenantKeys { reason: Some("the tenant was erased".to_owned()) }
    TenantKeysEnded { reason: Some("the tenant was erased".to_owned()) }
}
