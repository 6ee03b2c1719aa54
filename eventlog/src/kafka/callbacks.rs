//! What librdkafka tells us: log lines, errors, rebalances.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};
use std::time::Duration;

use super::told;

/// A change of what a group member owns.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// Granted, but not yet taken: the member assigns when it is ready.
    Granted(TopicPartitionList),
    /// Already given up.
    Revoked,
}

/// The context of every client.
#[derive(Default)]
pub(super) struct Callbacks {
    /// How many calls there were, see [`next_message`].
    calls: AtomicU64,
    rebalances: Mutex<Vec<Rebalance>>,
    closing: AtomicBool,
}

impl Callbacks {
    /// The rebalances since the last call, oldest first.
    pub(super) fn take_rebalances(&self) -> Vec<Rebalance> {
        std::mem::take(&mut *self.rebalances.lock())
    }

    /// From now on nothing is taken over: closing a client waits until every
    /// rebalance is answered, and nobody else will answer.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.called();
        told::line(level, facility, line);
    }

    fn stats(&self, _: Statistics) {
        self.called();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.called();
        told::error(&error, reason);
    }
}

impl ConsumerContext for Callbacks {
    /// Gives up at once what is revoked. No transaction is open then: the thread
    /// that polls, and so runs this, is the one that runs the transactions.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        self.called();
        let change = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
                if !self.closing.load(Ordering::SeqCst) =>
            {
                Rebalance::Granted(partitions.clone())
            }
            _ => {
                if let Err(error) = consumer.unassign() {
                    tracing::error!(%error, "cannot give up partitions");
                }
                Rebalance::Revoked
            }
        };
        self.rebalances.lock().push(change);
    }

    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {
        self.called();
    }
}

/// The next message that has already arrived, without waiting. `poll` returns
/// None also when it spent its turn on a callback; only a poll that called
/// nothing and returned nothing has seen the queue empty.
pub(super) fn next_message(
    consumer: &BaseConsumer<Callbacks>,
) -> Option<KafkaResult<BorrowedMessage<'_>>> {
    let calls = &consumer.context().calls;
    loop {
        let before = calls.load(Ordering::SeqCst);
        let polled = consumer.poll(Duration::ZERO);
        if polled.is_some() || calls.load(Ordering::SeqCst) == before {
            return polled;
        }
    }
}
