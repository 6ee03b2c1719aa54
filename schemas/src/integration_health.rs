//! Whether a monitoring server answers. Apart from what people have set, so that their
//! version does not move whenever a server comes and goes.

use crate::messages::{example, messages, record};
use crate::time::Timestamp;

record! { "srecopilot.monitoring",
    /// What asking the server, whose id is the record's key, has found out.
    RecordProbe {
        /// `up` or `down`.
        pub status: String,
        /// Why it is down: a word for programs.
        pub error: Option<String>,
        /// The same for people; nothing that the server sent.
        pub detail: Option<String>,
        pub version: Option<String>,
        pub latency_ms: i64,
        pub probed_at: Timestamp,
    }
}

messages! {
    /// What aggregate `IntegrationHealth` is asked to do.
    IntegrationHealthCommand in "monitoring" { RecordProbe }
}

record! { "srecopilot.monitoring",
    IntegrationHealthChanged {
        pub status: String,
        pub error: Option<String>,
        pub detail: Option<String>,
        pub version: Option<String>,
        pub latency_ms: i64,
        pub probed_at: Timestamp,
    }
    /// Nothing changed; how long it took, now and then.
    IntegrationLatencySampled { pub latency_ms: i64, pub probed_at: Timestamp }
}

messages! {
    /// What is known of a monitoring server's health.
    IntegrationHealthEvent in "monitoring" { IntegrationHealthChanged, IntegrationLatencySampled }
}

/// The committed examples.
mod examples {
    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_micros(1_793_500_860_000_000)
    }

    example! {
        RecordProbe { status: "down".to_owned(), error: Some("not_connected".to_owned()), detail: Some("no connection: refused".to_owned()), version: None, latency_ms: 3, probed_at: at() }
        IntegrationHealthChanged { status: "up".to_owned(), error: None, detail: None, version: Some("3.5.0".to_owned()), latency_ms: 12, probed_at: at() }
        IntegrationLatencySampled { latency_ms: 11, probed_at: at() }
    }
}
