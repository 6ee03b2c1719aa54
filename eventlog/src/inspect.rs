//! What `sre-copilot log` shows of a log, on either backend. Reading every byte of
//! an embedded log is [`crate::embedded::verify`].

use schemas::codec;
use schemas::topic::{Retention, Topic};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{EventLog, LogError, Offset, Partition, Record, Visibility};

const READ_BYTES: usize = 1 << 20;

/// One line of `log topics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicFacts {
    pub topic: &'static str,
    pub partitions: Partition,
    /// Null where records are kept for ever.
    pub kept_days: Option<u16>,
    pub journal: &'static str,
}

pub fn topics() -> Vec<TopicFacts> {
    let facts = |topic: Topic| TopicFacts {
        topic: topic.name(),
        partitions: topic.partitions(),
        kept_days: match topic.retention() {
            Retention::Days(days) => Some(days),
            // Of the registry, which speaks of days.
            Retention::Seconds(seconds) => u16::try_from(seconds.div_ceil(86_400)).ok(),
            Retention::Forever => None,
        },
        journal: topic.journal().name(),
    };
    Topic::all().map(facts).collect()
}

/// Passes the durable records of a partition from `from` on to `each`, at most
/// `limit`, until the end that is there at the call; `from` before the first record
/// begins with the first. Returns where reading would go on.
pub async fn cat(
    log: &dyn EventLog,
    (topic, partition): (Topic, Partition),
    from: Offset,
    limit: usize,
    each: &mut (dyn FnMut(Value) + Send),
) -> Result<Offset, LogError> {
    let range = log.range(topic, partition, Visibility::Durable).await?;
    let mut next = from.max(range.start);
    let mut left = limit;
    while next < range.end && left > 0 {
        let fetched = log
            .read(topic, partition, next, READ_BYTES, Visibility::Durable)
            .await?;
        next = fetched.next_offset;
        for record in fetched.records.iter().take(left) {
            each(describe(record));
            next = record.position.offset + 1;
            left -= 1;
        }
    }
    Ok(next)
}

/// A record as people read it: headers as text, the body as JSON where its schema
/// is known, else as hexadecimal digits with the reason.
pub fn describe(record: &Record) -> Value {
    let headers = record.headers.iter();
    let headers: serde_json::Map<_, _> = headers
        .map(|(name, value)| (name.to_owned(), json!(String::from_utf8_lossy(value))))
        .collect();
    let mut described = json!({
        "topic": record.position.topic.name(),
        "partition": record.position.partition,
        "offset": record.position.offset,
        "appended_at": record.appended_at,
        "key": String::from_utf8_lossy(&record.key),
        "headers": headers,
    });
    match codec::to_json(&record.body) {
        Ok(body) => described["body"] = body,
        Err(e) => {
            described["body_hex"] = json!(hexadecimal(&record.body));
            described["body_unreadable"] = json!(e.to_string());
        }
    }
    described
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
