//! Telemetry request bodies as they arrived, still compressed; decoded once, in
//! the projection.

use crate::messages::{example, messages, record};
use crate::time::Timestamp;

record! { "srecopilot.telemetry",
    /// Topics `telemetry.<signal>`, key = project (a large one split explicitly).
    TelemetryReceived {
        /// `prometheus.remote_write.v1`, `otlp.protobuf`, ...: which decoder reads it.
        pub format: String,
        /// `identity`, `gzip`, `zstd`, `snappy`, `deflate`.
        pub encoding: String,
        pub received_at: Timestamp,
        /// xxh3-128 of the body, 16 bytes big endian, to drop exact repeats.
        #[avro(with)]
        #[serde(with = "apache_avro::serde::bytes")]
        pub body_hash: Vec<u8>,
        #[avro(with)]
        #[serde(with = "apache_avro::serde::bytes")]
        pub body: Vec<u8>,
        /// How old an item could be, in milliseconds before `received_at`, to be
        /// taken; none = any age. What ingest refused, the projection skips.
        #[serde(default)]
        pub max_age_ms: Option<i64>,
        /// Which series (log streams) ingest refused, in the order that the decoder
        /// tells them: so many taken, so many refused, in turn; empty = none. The
        /// projection skips them.
        #[serde(default)]
        #[avro(default = "[]")]
        pub refused_runs: Vec<i64>,
        /// Series that the project may have within a day; none = as the deployment says.
        #[serde(default)]
        pub active_limit: Option<i64>,
        /// What the path of the request says of where its items come from: the index of
        /// `/elastic/{index}/_bulk`; none = nothing.
        #[serde(default)]
        pub origin: Option<String>,
    }
}

/// How far ahead of the arrival an item's time may lie: clocks differ.
pub const MAX_AHEAD_MS: i64 = 600_000;

/// The times that items of a body may have, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from_ms: i64,
    pub until_ms: i64,
}

impl Window {
    /// The one rule of ingest and projection.
    pub fn of(received_at: Timestamp, max_age_ms: Option<i64>) -> Self {
        let received_ms = received_at.micros().div_euclid(1_000);
        Self {
            from_ms: max_age_ms.map_or(i64::MIN, |age| received_ms.saturating_sub(age)),
            until_ms: received_ms.saturating_add(MAX_AHEAD_MS),
        }
    }

    pub fn contains(self, time_ms: i64) -> bool {
        (self.from_ms..=self.until_ms).contains(&time_ms)
    }
}

impl TelemetryReceived {
    pub fn window(&self) -> Window {
        Window::of(self.received_at, self.max_age_ms)
    }
}

messages! {
    /// Topics `telemetry.<signal>`.
    Telemetry in "telemetry" { TelemetryReceived }
}

example! {
    TelemetryReceived { format: "prometheus.remote_write.v1".to_owned(), encoding: "snappy".to_owned(), received_at: Timestamp::from_micros(1_793_500_860_000_000), body_hash: vec![0x5A; 16], body: vec![0], max_age_ms: Some(604_800_000), refused_runs: vec![3, 1], active_limit: Some(1_000_000), origin: Some("logs-shop".to_owned()) }
}
