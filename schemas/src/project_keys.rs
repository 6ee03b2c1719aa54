//! The end of all API keys of a project that is archived, and that new ones are good
//! again once it is restored: facts for the keyring, which reads them beside the keys.

use crate::messages::{example, messages, record};
use crate::time::Timestamp;

record! { "srecopilot.identity",
    /// Ends every key of the project that is the record's key, those to come included
    /// until it is restored.
    EndProjectKeys {
        /// A version of the tenant in which the project is archived. What is told of an
        /// earlier one afterwards changes nothing.
        pub tenant_version: i64,
        pub reason: Option<String>,
    }
    /// Lets keys be good that are made from `at` on; none from before.
    ReopenProjectKeys {
        /// The version of the tenant in which the project was restored.
        pub tenant_version: i64,
        /// When it was restored.
        pub at: Timestamp,
    }
}

messages! {
    /// What aggregate `ProjectKeys` is asked to do.
    ProjectKeysCommand in "identity" { EndProjectKeys, ReopenProjectKeys }
}

record! { "srecopilot.identity",
    /// Topic `identity.keys`.
    ProjectKeysEnded {
        pub tenant_version: i64,
        pub reason: Option<String>,
    }
    /// Topic `identity.keys`.
    ProjectKeysReopened {
        pub tenant_version: i64,
        pub at: Timestamp,
    }
}

messages! {
    /// What has happened to the keys of a project.
    ProjectKeysEvent in "identity" { ProjectKeysEnded, ProjectKeysReopened }
}

example! {
    EndProjectKeys {
        tenant_version: 3,
        reason: Some("the project was archived".to_owned()),
    }
    ReopenProjectKeys { tenant_version: 4, at: Timestamp::from_micros(1_793_500_860_000_000) }
    ProjectKeysEnded {
        tenant_version: 3,
        reason: Some("the project was archived".to_owned()),
    }
    ProjectKeysReopened {
        tenant_version: 4,
        at: Timestamp::from_micros(1_793_500_860_000_000),
    }
}
