//! What a tenant may send of telemetry, where that is not what the deployment allows
//! to all: facts for ingest, which reads them beside the API keys.

use crate::messages::{example, messages, record};

record! { "srecopilot.identity",
    /// What the deployment allows to tenants that set nothing.
    DeploymentLimits {
        pub active_series: i64,
        pub active_streams: i64,
        pub labels_per_series: i64,
        pub label_value_bytes: i64,
        /// None = no limit.
        pub bytes_per_second: Option<i64>,
    }
    /// Sets all limits of the tenant that is the record's key; none = the deployment's.
    SetTelemetryLimits {
        pub active_series: Option<i64>,
        pub active_streams: Option<i64>,
        pub labels_per_series: Option<i64>,
        pub label_value_bytes: Option<i64>,
        pub bytes_per_second: Option<i64>,
        /// As whoever asks finds it, for the audit: what held where nothing is set.
        #[serde(default)]
        pub deployment: Option<DeploymentLimits>,
    }
}

messages! {
    /// What aggregate `TelemetryLimits` is asked to do.
    TelemetryLimitsCommand in "identity" { SetTelemetryLimits }
}

record! { "srecopilot.identity",
    /// Topic `identity.keys`: ingest follows it.
    TelemetryLimitsSet {
        /// Series of metrics that all projects together may have within a day (UTC).
        pub active_series: Option<i64>,
        /// The same for streams of logs.
        pub active_streams: Option<i64>,
        /// Labels of one series or stream, its name included.
        pub labels_per_series: Option<i64>,
        /// Bytes of one label's value.
        pub label_value_bytes: Option<i64>,
        /// Of all signals together, as sent.
        pub bytes_per_second: Option<i64>,
        /// None in records from before it was told.
        #[serde(default)]
        pub deployment: Option<DeploymentLimits>,
    }
}

messages! {
    /// What has happened to a tenant's limits.
    TelemetryLimitsEvent in "identity" { TelemetryLimitsSet }
}

record! { "srecopilot.telemetry",
    /// What a tenant has sent to one process of ingest; at most once a minute each.
    TelemetryUsed {
        /// The process, by the name that it keeps over restarts.
        pub instance: String,
        /// Days since 1970 (UTC): the day that series and streams are of.
        pub day: i32,
        pub active_series: i64,
        pub active_streams: i64,
        /// Since the note before.
        pub bytes: i64,
        pub over_ms: i64,
    }
    /// A tenant has as many series, or log streams, as it may have within a day: new
    /// ones are refused from now on. Once a day and process.
    SeriesLimitReached {
        /// `active_series` or `active_streams`.
        pub limit: String,
        pub most: i64,
        /// Days since 1970 (UTC).
        pub day: i32,
        /// What was refused first: the metric, or the service.
        pub offender: String,
    }
}

messages! {
    /// What ingest notes of a tenant; topic `audit.operations`, key = tenant.
    TelemetryNote in "telemetry" { TelemetryUsed, SeriesLimitReached }
}

fn deployment() -> Option<DeploymentLimits> {
    Some(DeploymentLimits {
        active_series: 1_000_000,
        active_streams: 100_000,
        labels_per_series: 128,
        label_value_bytes: 16_384,
        bytes_per_second: None,
    })
}

example! {
    TelemetryUsed { instance: "ingest-1".to_owned(), day: 20_756, active_series: 812_400, active_streams: 120, bytes: 48_000_000, over_ms: 60_000 }
    SeriesLimitReached { limit: "active_series".to_owned(), most: 1_000_000, day: 20_756, offender: "http_requests_total".to_owned() }
    SetTelemetryLimits { active_series: Some(2_000_000), active_streams: None, labels_per_series: Some(40), label_value_bytes: Some(2_048), bytes_per_second: Some(10_000_000), deployment: deployment() }
    TelemetryLimitsSet { active_series: Some(2_000_000), active_streams: None, labels_per_series: Some(40), label_value_bytes: Some(2_048), bytes_per_second: Some(10_000_000), deployment: deployment() }
}
