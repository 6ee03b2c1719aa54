//! Service accounts: programs that act in a project, each with keys of its own.

use crate::messages::{example, messages, record};

record! { "srecopilot.identity",
    /// Creates the account that is the record's key.
    CreateServiceAccount { pub name: String, pub description: String }
    /// Nothing acts as it any more; its keys end by `EndServiceAccountKeys`.
    DisableServiceAccount { pub reason: Option<String> }
}

messages! {
    /// What aggregate `ServiceAccount` is asked to do.
    ServiceAccountCommand in "identity" { CreateServiceAccount, DisableServiceAccount }
}

record! { "srecopilot.identity",
    ServiceAccountCreated { pub name: String, pub description: String }
    ServiceAccountDisabled { pub reason: Option<String> }
}

messages! {
    /// What has happened to a service account.
    ServiceAccountEvent in "identity" { ServiceAccountCreated, ServiceAccountDisabled }
}

example! {
    CreateServiceAccount { name: "deploys".to_owned(), description: "The pipeline of the shop".to_owned() }
    DisableServiceAccount { reason: Some("replaced".to_owned()) }
    ServiceAccountCreated { name: "deploys".to_owned(), description: "The pipeline of the shop".to_owned() }
    ServiceAccountDisabled { reason: Some("replaced".to_owned()) }
}
