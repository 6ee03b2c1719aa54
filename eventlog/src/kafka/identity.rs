//! The log's id: the first record of a topic of its own, which is kept for ever.
//! Whoever finds the topic empty writes a candidate; everybody then reads which
//! candidate came first, so processes that start together agree.

use std::sync::Arc;

use rdkafka::producer::{FutureProducer, FutureRecord};
use schemas::context::Context;
use schemas::ids::LogId;

use super::callbacks::Callbacks;
use super::error::{OpenError, unavailable};
use super::offsets::Ends;
use super::options::{DELIVERY_TIMEOUT, Options};
use super::read::first_message;
use super::topics::{any_records, identity_topic};

/// Which log the topics are to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The one that they hold; a new one if they are empty.
    Any,
    /// This one, which a copy has just filled them with.
    Copied(LogId),
}

/// Reads the id, or creates it where there is none.
pub(super) async fn establish(
    options: &Arc<Options>,
    ends: &Arc<Ends>,
    producer: &FutureProducer<Callbacks>,
    identity: Identity,
) -> Result<LogId, OpenError> {
    let topic = identity_topic(options);
    let id = match read(options, ends, &topic).await? {
        Some(id) => id,
        None => create(options, ends, producer, &topic, identity).await?,
    };
    match identity {
        Identity::Copied(wanted) if wanted != id => Err(OpenError::OtherLog { found: id, wanted }),
        _ => Ok(id),
    }
}

/// Whether the topics hold a log already.
pub(super) async fn exists(options: &Arc<Options>, ends: &Arc<Ends>) -> Result<bool, OpenError> {
    let id = read(options, ends, &identity_topic(options)).await?;
    Ok(id.is_some())
}

async fn create(
    options: &Arc<Options>,
    ends: &Arc<Ends>,
    producer: &FutureProducer<Callbacks>,
    topic: &str,
    identity: Identity,
) -> Result<LogId, OpenError> {
    let candidate = match identity {
        Identity::Copied(id) => Some(id),
        Identity::Any if ends.ask(any_records).await? => None,
        Identity::Any => Some(LogId(Context::ambient(&options.clock).id())),
    };
    if let Some(candidate) = candidate {
        write(producer, topic, candidate).await?;
    }
    // Records without an id are a copy that did not finish, never a new log;
    // unless another process has created the log this very moment.
    read(options, ends, topic)
        .await?
        .ok_or(OpenError::Unfinished)
}

async fn write(
    producer: &FutureProducer<Callbacks>,
    topic: &str,
    id: LogId,
) -> Result<(), OpenError> {
    let body = id.to_string();
    let record = FutureRecord::to(topic)
        .partition(0)
        .key("log_id")
        .payload(&body);
    let sent = producer.send(record, DELIVERY_TIMEOUT).await;
    sent.map(drop)
        .map_err(|(error, _)| OpenError::Log(unavailable(error)))
}

/// The id that the topic holds, if any.
async fn read(
    options: &Arc<Options>,
    ends: &Arc<Ends>,
    topic: &str,
) -> Result<Option<LogId>, OpenError> {
    let (asked, name) = (Arc::clone(options), topic.to_owned());
    let Some(body) = ends
        .ask(move |ends| first_message(&asked, ends, &name))
        .await?
    else {
        return Ok(None);
    };
    let unreadable = |detail: String| OpenError::Identity {
        topic: topic.to_owned(),
        detail,
    };
    let text = std::str::from_utf8(&body).map_err(|e| unreadable(e.to_string()))?;
    text.parse()
        .map(Some)
        .map_err(|e| unreadable(format!("{text:?}: {e}")))
}
