//! Offsets without a record. Kafka gives none away, so each must be taken by
//! something that readers do not see: a record that is deleted, a record of an
//! aborted transaction, or the marker that ends a transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, Producer};

use super::partition::Message;
use super::{CopyError, Target};
use crate::LogError;
use crate::kafka::OpenError;
use crate::kafka::callbacks::Callbacks;
use crate::kafka::offsets::list;
use crate::kafka::options::{Options, QUERY_TIMEOUT};
use crate::record::{Offset, Position, Record};

/// Fillers sent at a time, and the most that one transaction leaves out.
const STEP: Offset = 10_000;
const PURPOSE: &str = "copy";

/// The producer of transactions, ready to begin one.
pub(super) async fn producer(
    options: &Arc<Options>,
) -> Result<FutureProducer<Callbacks>, CopyError> {
    let config = options.transactions(PURPOSE);
    let producer: FutureProducer<Callbacks> = config
        .create_with_context(Callbacks::default())
        .map_err(OpenError::Settings)?;
    let ready = producer.clone();
    blocking(move || ready.init_transactions(QUERY_TIMEOUT)).await?;
    Ok(producer)
}

impl Target {
    /// Makes a partition begin at `offset`: fills it up to there and deletes that.
    pub(super) async fn begin_at(
        &self,
        at: &mut Position,
        offset: Offset,
    ) -> Result<(), CopyError> {
        while at.offset < offset {
            let count = (offset - at.offset).min(STEP);
            self.send(&self.plain, at, &fillers(at, count)).await?;
        }
        let admin: AdminClient<_> = self
            .options
            .client()
            .create_with_context(Callbacks::default())?;
        let before = [((at.topic, at.partition), rdkafka::Offset::Offset(offset))];
        let deleted = list(&self.options, before)?;
        let options = AdminOptions::new().operation_timeout(Some(QUERY_TIMEOUT));
        let deleted = admin.delete_records(&deleted, &options).await?;
        deleted
            .elements()
            .iter()
            .try_for_each(|element| element.error())?;
        Ok(())
    }

    /// Takes the offsets up to `offset` and leaves no record there.
    pub(super) async fn leave_out(
        &self,
        at: &mut Position,
        offset: Offset,
    ) -> Result<(), CopyError> {
        while at.offset < offset {
            let left = offset - at.offset;
            // A transaction takes two offsets or more, so one is never left over.
            let taken = if left <= STEP + 1 { left } else { STEP };
            self.begin().await?;
            self.send(&self.transactional, at, &fillers(at, taken - 1))
                .await?;
            let producer = self.transactional.clone();
            blocking(move || producer.abort_transaction(QUERY_TIMEOUT)).await?;
            self.await_marker(at).await?;
        }
        Ok(())
    }

    /// Writes a record and, behind it, the marker of its transaction.
    pub(super) async fn write_committed(
        &self,
        at: &mut Position,
        record: &Record,
    ) -> Result<(), CopyError> {
        self.begin().await?;
        self.send(&self.transactional, at, &[Message::of(record)])
            .await?;
        let producer = self.transactional.clone();
        blocking(move || producer.commit_transaction(QUERY_TIMEOUT)).await?;
        self.await_marker(at).await
    }

    async fn begin(&self) -> Result<(), CopyError> {
        let producer = self.transactional.clone();
        blocking(move || producer.begin_transaction()).await
    }

    /// The marker comes a moment after the transaction is decided, and takes the
    /// next offset.
    async fn await_marker(&self, at: &mut Position) -> Result<(), CopyError> {
        at.offset += 1;
        let (wanted, key) = (*at, (at.topic, at.partition));
        let deadline = Instant::now() + QUERY_TIMEOUT;
        loop {
            let end = self
                .ends
                .ask(move |ends| ends.written(&[key]).map(|ends| ends[&key]))
                .await?;
            if end == wanted.offset {
                return Ok(());
            }
            if end > wanted.offset {
                return Err(CopyError::Misplaced {
                    expected: wanted,
                    found: end,
                });
            }
            if Instant::now() > deadline {
                let why = format!("no transaction marker before {wanted}");
                return Err(LogError::Unavailable(why).into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn fillers(at: &Position, count: Offset) -> Vec<Message> {
    (0..count)
        .map(|_| Message::filler(at.topic, at.partition))
        .collect()
}

async fn blocking(
    call: impl FnOnce() -> Result<(), KafkaError> + Send + 'static,
) -> Result<(), CopyError> {
    let called = tokio::task::spawn_blocking(call).await;
    let called = called.map_err(|error| LogError::Unavailable(error.to_string()))?;
    Ok(called?)
}
