//! What librdkafka says, in our own log. Each of a process's dozens of clients says the
//! same of brokers that are away, some of them a hundred times a second, so the first of
//! a kind is told at once and then one for all that came within half a minute.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

const PAUSE: Duration = Duration::from_secs(30);

static KINDS: Kinds = Kinds(Mutex::new(BTreeMap::new()));

/// When each kind was told last, and how often it was kept back since.
struct Kinds(Mutex<BTreeMap<String, (Instant, u64)>>);

impl Kinds {
    /// How many were kept back since the last one that was told; None to keep this back.
    fn admit(&self, kind: &str, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock();
        match kinds.get_mut(kind) {
            Some((last, kept)) if now.duration_since(*last) < PAUSE => {
                *kept += 1;
                None
            }
            Some((last, kept)) => {
                *last = now;
                Some(std::mem::take(kept))
            }
            None => {
                kinds.insert(kind.to_owned(), (now, 0));
                Some(0)
            }
        }
    }
}

/// What was told last, for who has to say why something did not come about.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// The last line that spoke of trouble.
pub(super) fn last() -> Option<String> {
    LAST.lock().clone()
}

/// A line of its log.
pub(super) fn line(level: RDKafkaLogLevel, facility: &str, line: &str) {
    let small = matches!(
        level,
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug
    );
    // Of a fence the member says what it makes of it: mostly its own past after a pause.
    if small || line.contains("fenced") || line.ends_with(": retrying") {
        return tracing::debug!(facility, "{line}");
    }
    // Which of its threads says so is no news.
    let line = match line.split_once("]: ") {
        Some((thread, rest)) if thread.starts_with("[thrd:") => rest,
        _ => line,
    };
    *LAST.lock() = Some(line.to_owned());
    // The client goes on trying, whatever it calls an error; what lasts our own code tells.
    match KINDS.admit(facility, Instant::now()) {
        None => tracing::debug!(facility, "{line}"),
        Some(0) => tracing::warn!(facility, "Kafka client: {line}"),
        Some(more) => tracing::warn!(facility, more, "Kafka client: {line}"),
    }
}

/// An error that one of its clients reports besides, mostly after a line of its log.
pub(super) fn error(error: &KafkaError, reason: &str) {
    let told_before = matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::FencedInstanceId
        )
    );
    let kind = format!("{error}");
    match KINDS.admit(&kind, Instant::now()) {
        Some(more) if !told_before => tracing::warn!(%error, more, "Kafka client: {reason}"),
        _ => tracing::debug!(%error, "{reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_is_told_and_the_rest_counted() {
        let kinds = Kinds(Mutex::default());
        let begun = Instant::now();
        assert_eq!(kinds.admit("FAIL", begun), Some(0));
        assert_eq!(kinds.admit("FAIL", begun), None);
        assert_eq!(kinds.admit("SASL", begun), Some(0), "another kind");
        assert_eq!(kinds.admit("FAIL", begun + PAUSE / 2), None);
        assert_eq!(kinds.admit("FAIL", begun + PAUSE), Some(2));
        assert_eq!(kinds.admit("FAIL", begun + PAUSE * 2), Some(0));
    }
}
