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
    }
}

messages! {
    /// Topics `telemetry.<signal>`.
    Telemetry in "telemetry" { TelemetryReceived }
}

example! {
    TelemetryReceived { format: "prometheus.remote_write.v1".to_owned(), encoding: "snappy".to_owned(), received_at: Timestamp::from_micros(1_793_500_860_000_000), body_hash: vec![0x5A; 16], body: vec![0] }
}
