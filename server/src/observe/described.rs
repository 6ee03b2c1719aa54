//! Everything that is counted and measured, for `/metrics` and `docs/metrics.md`: one row
//! a name. What has no labels is there from the start, so that its first increase is seen; of
//! what has labels and wakes somebody the parts that count it do the same.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram};

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// Kind, name and what it tells.
pub const METRICS: &[(Kind, &str, &str)] = &[
    (
        Counter,
        "access_unpacked_bytes_total",
        "Bytes of bodies after they were unpacked, by encoding.",
    ),
    (
        Gauge,
        "access_keyring_keys",
        "API keys that this process knows.",
    ),
    (
        Counter,
        "access_rates_refused_total",
        "Requests refused for coming too often, by rule.",
    ),
    (
        Counter,
        "access_rates_uncounted_total",
        "Requests that could not be counted because Redis is away, by rule.",
    ),
    (
        Counter,
        "commands_dead_letters_total",
        "Commands that could not be read and lie in the dead letters, by topic. Alert.",
    ),
    (
        Counter,
        "commands_history_retries_total",
        "Questions to the history that had to be asked again.",
    ),
    (
        Gauge,
        "commands_open",
        "Commands that wait for their outcome.",
    ),
    (
        Counter,
        "commands_partitions_stopped_total",
        "Partitions of commands that stand still until somebody looks, by topic and reason. Alert.",
    ),
    (
        Counter,
        "commands_settled_total",
        "Commands with an outcome, by aggregate and result.",
    ),
    (
        Counter,
        "eventlog_corrupt_reads_total",
        "Reads that met damaged bytes, by journal. Alert.",
    ),
    (
        Counter,
        "eventlog_damage_total",
        "Damaged places found in the log, by journal. Alert.",
    ),
    (
        Histogram,
        "eventlog_group_bytes",
        "Bytes of one write to a journal.",
    ),
    (
        Counter,
        "eventlog_kafka_errors_total",
        "Errors that the Kafka client told, by code.",
    ),
    (
        Counter,
        "eventlog_kafka_rejoins_total",
        "Times that this process had to join its consumer group again, by group.",
    ),
    (
        Gauge,
        "eventlog_lag_records",
        "Records of the log that a consumer of this process has not applied, by consumer.",
    ),
    (
        Gauge,
        "eventlog_lag_seconds",
        "Age of the oldest record that a consumer of this process has not applied, by consumer. Alert.",
    ),
    (
        Counter,
        "eventlog_records_total",
        "Records appended, by journal.",
    ),
    (
        Counter,
        "eventlog_refused_records_total",
        "Records refused because the log is full, by reason. Alert.",
    ),
    (
        Counter,
        "eventlog_retention_freed_bytes_total",
        "Bytes of the log that retention has removed.",
    ),
    (
        Histogram,
        "eventlog_sync_seconds",
        "Seconds that a sync of a journal took.",
    ),
    (
        Counter,
        "fanout_lost_total",
        "Announcements lost on the way to browsers, which were told to read anew, by reason.",
    ),
    (
        Counter,
        "gateway_key_uses_lost_total",
        "Uses of API keys that are not noted.",
    ),
    (
        Gauge,
        "gateway_live_sockets",
        "Browsers that are connected for live changes.",
    ),
    (
        Counter,
        "gateway_live_resyncs_total",
        "Times that browsers were told to read anew, by reason.",
    ),
    (
        Counter,
        "gateway_live_slow_closed_total",
        "Connections closed because their reader was too slow.",
    ),
    (
        Counter,
        "gateway_log_tail_dropped_total",
        "Log records left out of live tails that could not keep up.",
    ),
    (
        Counter,
        "gateway_log_tails_refused_total",
        "Live tails refused because there are too many.",
    ),
    (
        Counter,
        "gateway_logins_failed_total",
        "Wrong passwords and codes.",
    ),
    (
        Counter,
        "gateway_logins_shed_total",
        "Logins put off because too many passwords were being checked.",
    ),
    (
        Counter,
        "gateway_loki_limits_total",
        "Questions of Loki's API that met a limit.",
    ),
    (
        Counter,
        "gateway_outcomes_unreadable_total",
        "Outcomes of commands that could not be read. Alert.",
    ),
    (
        Counter,
        "gateway_refresh_reused_total",
        "Refresh tokens shown a second time: a copy is about. Alert.",
    ),
    (
        Counter,
        "gateway_refusals_untold_total",
        "Logins that were refused and are not in the audit.",
    ),
    (
        Counter,
        "gateway_sign_ons_forgotten_total",
        "Single sign-ons on their way that were forgotten because a tenant had too many.",
    ),
    (
        Counter,
        "gateway_sign_ons_refused_total",
        "Single sign-ons that were refused, by rule.",
    ),
    (
        Counter,
        "http_connections_refused_total",
        "Connections refused because there are too many.",
    ),
    (
        Histogram,
        "http_request_seconds",
        "Seconds until an answer of API or ingest began, by route, method and class of status.",
    ),
    (
        Counter,
        "ingest_items_refused_total",
        "Samples, log records and spans refused, by tenant, signal and reason.",
    ),
    (
        Counter,
        "ingest_items_total",
        "Samples, log records and spans taken, by tenant, signal and format.",
    ),
    (
        Counter,
        "ingest_key_uses_lost_total",
        "Uses of API keys that are not noted.",
    ),
    (
        Counter,
        "ingest_notes_lost_total",
        "Notes of limits and usage that are not in the log.",
    ),
    (
        Counter,
        "ingest_refused_total",
        "Requests refused, by tenant, signal and reason.",
    ),
    (
        Counter,
        "ingest_requests_total",
        "Requests of agents, by signal, format and outcome.",
    ),
    (
        Gauge,
        "ingest_syslog_connections",
        "Open connections of syslog.",
    ),
    (
        Counter,
        "ingest_syslog_dropped_total",
        "Syslog messages dropped, by reason.",
    ),
    (
        Counter,
        "ingest_syslog_refused_connections_total",
        "Syslog connections refused because there are too many.",
    ),
    (
        Counter,
        "ingest_syslog_waits_total",
        "Times that a syslog sender was made to wait, by reason.",
    ),
    (
        Counter,
        "ingest_webhooks_total",
        "Webhooks, by source and outcome.",
    ),
    (
        Gauge,
        "process_cpu_seconds_total",
        "Seconds of processors that the process has used.",
    ),
    (
        Gauge,
        "process_max_fds",
        "Files and sockets that the process may have open.",
    ),
    (
        Gauge,
        "process_open_fds",
        "Files and sockets that the process has open. Alert.",
    ),
    (
        Gauge,
        "process_resident_memory_bytes",
        "Bytes of memory that the process has.",
    ),
    (
        Gauge,
        "process_start_time_seconds",
        "When the process was started, in seconds since 1970.",
    ),
    (
        Gauge,
        "process_virtual_memory_bytes",
        "Bytes of addresses that the process has.",
    ),
    (
        Counter,
        "projection_gaps_total",
        "Events missing before one that was read: two writers, or lost bytes, by projection. Alert.",
    ),
    (
        Counter,
        "projection_interruptions_total",
        "Times that a projection began anew from its checkpoint, by projection.",
    ),
    (
        Counter,
        "projection_parked_total",
        "Events that a projection set aside because it could not apply them, by projection. Alert.",
    ),
    (
        Gauge,
        "projection_partition_stopped",
        "1 where a projection stands still until somebody looks, by projection, topic and partition. Alert.",
    ),
    (
        Gauge,
        "query_memory_bytes",
        "Bytes that queries hold of what they may hold together.",
    ),
    (
        Counter,
        "query_memory_refused_total",
        "Queries that got no more memory, by reason.",
    ),
    (Gauge, "sre_copilot_build_info", "1, with the version."),
    (
        Counter,
        "sre_copilot_postgres_restarts_total",
        "Times that the Postgres of our own was started again.",
    ),
    (
        Gauge,
        "sre_copilot_ready",
        "1 where this process has what it needs, 0 where it waits for it, by part. Alert.",
    ),
    (
        Gauge,
        "telemetry_bloom_cache_bytes",
        "Bytes of word filters in memory.",
    ),
    (
        Counter,
        "telemetry_compaction_failures_total",
        "Passes of compaction that failed and are made again. Alert.",
    ),
    (
        Counter,
        "telemetry_compaction_steps_total",
        "Steps of compaction, by step.",
    ),
    (
        Counter,
        "telemetry_dropped_total",
        "Items that were in the log and are not kept, by signal, reason and tenant.",
    ),
    (
        Gauge,
        "telemetry_label_index_bytes",
        "Bytes of label indexes in memory.",
    ),
    (
        Gauge,
        "telemetry_segment_cache_bytes",
        "Bytes of opened segments in memory.",
    ),
    (
        Gauge,
        "telemetry_series_in_memory",
        "Series that the fold of metrics remembers.",
    ),
    (
        Counter,
        "telemetry_span_halves_dropped_total",
        "Calls between services of which the other half did not come in time.",
    ),
    (
        Counter,
        "telemetry_span_operations_joined_total",
        "Spans counted under `other` because their service has too many operations.",
    ),
    (
        Counter,
        "usage_lost_total",
        "Requests that usage does not count because too many kinds were new at once.",
    ),
    (
        Counter,
        "workers_commands_total",
        "Commands sent by workers, by worker.",
    ),
    (
        Counter,
        "workers_dead_letters_total",
        "Records that a worker could not take and put with the dead letters, by worker. Alert.",
    ),
    (Counter, "workers_mails_total", "Mails tried, by result."),
    (
        Counter,
        "workers_probes_total",
        "Probes of monitoring servers, by result.",
    ),
    (
        Counter,
        "workers_records_total",
        "Records that workers have taken, by worker.",
    ),
    (
        Counter,
        "workers_retries_total",
        "Times that a worker began a batch again, by worker.",
    ),
    (
        Gauge,
        "workers_stopped_partitions",
        "Partitions on which a worker stands still until somebody looks, by worker. Alert.",
    ),
];

/// Counters without labels.
const FROM_THE_START: &[&str] = &[
    "commands_history_retries_total",
    "eventlog_retention_freed_bytes_total",
    "gateway_key_uses_lost_total",
    "gateway_live_slow_closed_total",
    "gateway_log_tail_dropped_total",
    "gateway_log_tails_refused_total",
    "gateway_logins_failed_total",
    "gateway_logins_shed_total",
    "gateway_loki_limits_total",
    "gateway_outcomes_unreadable_total",
    "gateway_refresh_reused_total",
    "gateway_refusals_untold_total",
    "http_connections_refused_total",
    "ingest_key_uses_lost_total",
    "ingest_notes_lost_total",
    "ingest_syslog_refused_connections_total",
    "sre_copilot_postgres_restarts_total",
    "telemetry_compaction_failures_total",
    "telemetry_span_halves_dropped_total",
    "telemetry_span_operations_joined_total",
    "usage_lost_total",
];

/// Tells the recorder what each is.
pub(super) fn describe() {
    for (kind, name, told) in METRICS {
        match kind {
            Counter => describe_counter!(*name, *told),
            Gauge => describe_gauge!(*name, *told),
            Histogram => describe_histogram!(*name, *told),
        }
    }
    for name in FROM_THE_START {
        counter!(*name).increment(0);
    }
}
