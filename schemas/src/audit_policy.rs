//! How long a tenant keeps its audit entries. There is no message to switch it off.

use crate::messages::{example, messages, record};

record! { "srecopilot.identity",
    /// Sets it for the tenant whose policy is the record's key.
    SetAuditRetention { pub days: i32 }
}

messages! {
    /// What aggregate `AuditPolicy` is asked to do.
    AuditPolicyCommand in "identity" { SetAuditRetention }
}

record! { "srecopilot.identity",
    AuditRetentionSet { pub days: i32 }
}

messages! {
    /// What has happened to a policy; topic `identity.events`.
    AuditPolicyEvent in "identity" { AuditRetentionSet }
}

example! {
    SetAuditRetention { days: 90 }
    AuditRetentionSet { days: 90 }
}
