//! One membership: a consumer and the producer of its transactions.

use std::sync::mpsc::Sender;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use schemas::context::Context;
use schemas::topic::Topic;

use super::{Request, Setup, generation, progress, start};
use crate::kafka::callbacks::{Callbacks, Rebalance, next_message};
use crate::kafka::error::{passes, unavailable};
use crate::kafka::offsets::list;
use crate::kafka::options::QUERY_TIMEOUT;
use crate::kafka::subscription::Batch;
use crate::kafka::transaction::{Failure, Transactor};
use crate::kafka::wire;
use crate::record::{Fetched, NewRecord, Partition, Position};
use crate::{CommitError, LogError, Transaction};

pub(super) struct Session {
    consumer: BaseConsumer<Callbacks>,
    transactor: Transactor,
    owned: Option<Owned>,
    paused: bool,
}

/// What the member holds, and as whom.
struct Owned {
    partitions: Vec<(Topic, Partition)>,
    membership: ConsumerGroupMetadata,
}

/// What a turn of polling has brought.
pub(super) struct Arrived {
    pub(super) changes: Vec<Rebalance>,
    pub(super) batch: Batch,
}

impl Session {
    /// Finishes what a predecessor under this name had begun, then joins.
    pub(super) fn open(setup: &Setup, wake: &Sender<Request>) -> Result<Self, KafkaError> {
        let transactor = Transactor::open(&setup.options, &setup.group.name)?;
        let config = setup.options.member(&setup.group.name);
        let mut consumer: BaseConsumer<Callbacks> =
            config.create_with_context(Callbacks::default())?;
        let wake = wake.clone();
        consumer.set_nonempty_callback(move || {
            if wake.send(Request::Arrived).is_err() {
                tracing::trace!("the member is closing");
            }
        });
        let topics: Vec<_> = setup
            .group
            .topics
            .iter()
            .map(|topic| setup.options.topic_name(*topic))
            .collect();
        consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self {
            consumer,
            transactor,
            owned: None,
            paused: false,
        })
    }

    /// Takes over granted partitions and says which.
    pub(super) fn take(
        &mut self,
        setup: &Setup,
        granted: &TopicPartitionList,
    ) -> Result<Vec<(Topic, Partition)>, LogError> {
        let name = |topic: &str| setup.options.topic_named(topic);
        let partitions: Vec<_> = granted
            .elements()
            .iter()
            .filter_map(|element| Some((name(element.topic())?, element.partition())))
            .collect();
        start::settle(setup, &partitions)?;
        let offsets = start::offsets(setup, &self.consumer, &partitions)?;
        let at = offsets
            .into_iter()
            .map(|(key, offset)| (key, KafkaOffset::Offset(offset)));
        let assignment = list(&setup.options, at).map_err(unavailable)?;
        self.consumer.assign(&assignment).map_err(unavailable)?;
        // A pause outlives the assignment that it was made for.
        self.consumer.resume(&assignment).map_err(unavailable)?;
        self.paused = false;
        let membership = self.membership()?;
        self.owned = Some(Owned {
            partitions: partitions.clone(),
            membership,
        });
        Ok(partitions)
    }

    /// Forgets what was revoked.
    pub(super) fn give_up(&mut self) {
        self.owned = None;
    }

    /// Polls without waiting. Records that came before a revocation are dropped:
    /// their next owner reads them again.
    pub(super) fn arrived(&mut self, setup: &Setup, max_bytes: usize) -> Result<Arrived, LogError> {
        self.transactor.idle();
        let mut batch = Batch::default();
        while batch.bytes < max_bytes.max(1)
            && let Some(polled) = next_message(&self.consumer)
        {
            match polled {
                Ok(message) => batch.push(&setup.options, &message),
                Err(KafkaError::MessageConsumptionFatal(code)) => {
                    return Err(LogError::Failed(format!(
                        "another process runs as {}: {code}",
                        setup.options.instance
                    )));
                }
                Err(error) if passes(&error) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        let changes = self.consumer.context().take_rebalances();
        if !changes.is_empty() {
            batch = Batch::default();
        }
        if let Some(owned) = self.owned.as_mut().filter(|_| !batch.partitions.is_empty()) {
            owned.membership =
                generation::capture(&self.consumer).ok_or_else(no_longer_a_member)?;
        }
        Ok(Arrived { changes, batch })
    }

    /// Stops the flow, so that polling serves rebalances and nothing else while
    /// the owner of the records is busy.
    pub(super) fn pause(&mut self) -> Result<(), LogError> {
        self.flow(true)
    }

    pub(super) fn resume(&mut self) -> Result<(), LogError> {
        self.flow(false)
    }

    fn flow(&mut self, pause: bool) -> Result<(), LogError> {
        if self.owned.is_none() || self.paused == pause {
            return Ok(());
        }
        let all = self.consumer.assignment().map_err(unavailable)?;
        let changed = if pause {
            self.consumer.pause(&all)
        } else {
            self.consumer.resume(&all)
        };
        changed.map_err(unavailable)?;
        self.paused = pause;
        Ok(())
    }

    /// Appends, moves the offsets and records the progress: all or nothing.
    pub(super) fn commit(
        &mut self,
        setup: &Setup,
        transaction: Transaction,
    ) -> Result<Vec<Position>, CommitError> {
        let owned = self.owned.as_ref().ok_or(CommitError::Fenced)?;
        let Transaction {
            consumed,
            records,
            finish,
        } = transaction;
        if consumed.is_empty() && records.is_empty() && finish.is_none() {
            return Ok(Vec::new());
        }
        if consumed
            .iter()
            .any(|at| !owned.partitions.contains(&(at.topic, at.partition)))
        {
            return Err(CommitError::Fenced);
        }
        let offsets = consumed
            .iter()
            .map(|at| ((at.topic, at.partition), KafkaOffset::Offset(at.offset)));
        let offsets = list(&setup.options, offsets).map_err(unavailable)?;
        let progress = progressed(setup, &consumed)?;
        let rest = move |positions: &[Position]| {
            let finished = finish.map(|finish| finish(positions)).unwrap_or_default();
            wire::check(&finished, setup.options.max_record_bytes)?;
            Ok(finished.into_iter().chain(progress).collect())
        };
        let entitled = (!consumed.is_empty()).then_some((&offsets, &owned.membership));
        self.transactor
            .run(&records, Some(Box::new(rest)), entitled)
            .map_err(|failure| refusal(setup, &records, failure))
    }

    fn membership(&self) -> Result<ConsumerGroupMetadata, LogError> {
        generation::capture(&self.consumer).ok_or_else(no_longer_a_member)
    }
}

impl Drop for Session {
    /// Answers a grant that the owner has left open, and any that is to come.
    fn drop(&mut self) {
        self.consumer.context().close();
        if let Err(error) = self.consumer.unassign() {
            tracing::debug!(%error, "nothing to give up");
        }
    }
}

fn progressed(setup: &Setup, consumed: &[Position]) -> Result<Option<NewRecord>, LogError> {
    if consumed.is_empty() {
        return Ok(None);
    }
    let context = Context::ambient(&setup.options.clock);
    progress::record(&setup.group.name, consumed, &context).map(Some)
}

/// What the caller is told of a transaction of `records` that did not happen.
fn refusal(setup: &Setup, records: &[NewRecord], failure: Failure) -> CommitError {
    match failure {
        Failure::Fenced(error) => {
            let group = &setup.group.name;
            // As it is in a rebalance.
            tracing::info!(%error, group, "a commit was refused: the group goes on without us");
            CommitError::Fenced
        }
        // Whether it happened shows in the offsets it would have moved, which are read
        // again after the rejoin that follows.
        Failure::Lost(error) => {
            let group = &setup.group.name;
            tracing::warn!(%error, group, "a commit got no answer");
            CommitError::Fenced
        }
        Failure::Aborted(error) => unavailable(error).into(),
        Failure::Refused(error) => {
            // What is appended next is not to wait behind the abort.
            let touched: Vec<_> = records.iter().map(|r| (r.topic, r.partition())).collect();
            let decided = setup.ends.await_decided(&touched, QUERY_TIMEOUT);
            decided.err().unwrap_or(error).into()
        }
    }
}

fn no_longer_a_member() -> LogError {
    LogError::Unavailable("the group goes on without this member".to_owned())
}

/// The batch as the member's caller gets it.
pub(super) fn fetched(batch: Batch) -> Vec<Fetched> {
    batch.partitions.into_values().collect()
}
