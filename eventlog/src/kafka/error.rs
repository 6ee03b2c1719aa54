//! What can go wrong on Kafka, in the log's own terms.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use schemas::ids::LogId;

use crate::LogError;

/// Why the log on Kafka could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot reach Kafka at {brokers}: {detail}")]
    Unreachable { brokers: String, detail: String },
    /// One is unknown, has a value that it cannot have, or names a file that is not there.
    #[error("Kafka's client refuses its settings: {}", refused_setting(.0))]
    Settings(KafkaError),
    #[error("cannot create topic {topic}: {detail}")]
    CreateTopic { topic: String, detail: String },
    #[error(
        "topic {topic} has {found} partitions and needs {needed}; counts are fixed when a log \
         is created: copy the log to new topics under another prefix, or delete this topic if \
         it is not this log's"
    )]
    Partitions {
        topic: String,
        found: usize,
        needed: i32,
    },
    #[error(
        "the topics hold records but no log id, as after a copy that did not finish: delete \
         the topics and copy again"
    )]
    Unfinished,
    #[error("the topics hold log {found}, not {wanted}")]
    OtherLog { found: LogId, wanted: LogId },
    #[error("the log id on topic {topic} is unreadable: {detail}")]
    Identity { topic: String, detail: String },
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Without the value, which may be a password under a name that was mistyped.
fn refused_setting(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, told, name, _) => format!("{name}: {told}"),
        other => other.to_string(),
    }
}

/// A failed call as callers of the log see it.
pub(super) fn unavailable(error: KafkaError) -> LogError {
    metrics::counter!("eventlog_kafka_errors_total", "code" => code_name(&error)).increment(1);
    LogError::Unavailable(error.to_string())
}

/// Errors of a consumer that pass by themselves; librdkafka goes on retrying.
pub(super) fn passes(error: &KafkaError) -> bool {
    let KafkaError::MessageConsumption(code) = error else {
        return matches!(error, KafkaError::PartitionEOF(_));
    };
    !matches!(
        code,
        RDKafkaErrorCode::AutoOffsetReset
            | RDKafkaErrorCode::OffsetOutOfRange
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Authentication
    )
}

/// Whether the position asked for does not exist (any more).
pub(super) fn out_of_range(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
    )
}

fn code_name(error: &KafkaError) -> String {
    error
        .rdkafka_error_code()
        .map_or_else(|| "local".to_owned(), |code| format!("{code:?}"))
}
