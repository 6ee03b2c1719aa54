//! A member of a consumer group. One thread does everything that blocks: it
//! polls, runs the transactions and serves the rebalances, so none of these can
//! happen in the middle of another.

mod generation;
mod joining;
mod owner;
pub(super) mod progress;
mod session;
mod start;

use std::sync::Arc;
use std::sync::mpsc::Sender;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::offsets::{Ends, Offsets, partitions};
use super::options::Options;
use super::read::Readers;
use super::{Ended, ended};
use crate::record::Position;
use crate::{CommitError, Delivery, Group, LogError, Member, Start, Transaction};

/// What a member is made from.
pub(super) struct Setup {
    pub(super) options: Arc<Options>,
    pub(super) ends: Arc<Ends>,
    pub(super) readers: Arc<Readers>,
    pub(super) group: Group,
    /// Where [`Start::Now`] is: the ends at the time of joining.
    pub(super) now: Offsets,
}

type Committed = Result<Vec<Position>, CommitError>;

/// What the thread is asked.
enum Request {
    /// The next delivery, about so many bytes of it.
    Next(usize),
    Commit(Transaction, oneshot::Sender<Committed>),
    /// Something has arrived from the brokers.
    Arrived,
    Close,
}

pub(super) struct KafkaMember {
    requests: Sender<Request>,
    deliveries: mpsc::Receiver<Result<Delivery, LogError>>,
    log: Ended,
    /// The thread owes a delivery, perhaps to a call that was dropped.
    asked: bool,
}

impl KafkaMember {
    /// Begins to join; the partitions come as the first delivery. Blocks.
    pub(super) fn join(
        options: Arc<Options>,
        ends: Arc<Ends>,
        readers: Arc<Readers>,
        log: Ended,
        group: Group,
    ) -> Result<Self, LogError> {
        let all: Vec<_> = group
            .topics
            .iter()
            .flat_map(|topic| partitions(*topic))
            .collect();
        let now = match group.start {
            Start::Now => ends.stable(&all)?,
            Start::Beginning => Offsets::new(),
        };
        let setup = Setup {
            options,
            ends,
            readers,
            group,
            now,
        };
        let (requests, inbox) = std::sync::mpsc::channel();
        let (outbox, deliveries) = mpsc::channel(1);
        let wake = requests.clone();
        std::thread::Builder::new()
            .name(format!("kafka {}", setup.group.name))
            .spawn(move || owner::Owner::new(setup, wake, inbox, outbox).run())
            .map_err(|error| LogError::Unavailable(error.to_string()))?;
        Ok(Self {
            requests,
            deliveries,
            log,
            asked: false,
        })
    }

    fn ask(&self, request: Request) -> Result<(), LogError> {
        self.requests.send(request).map_err(|_| gone())
    }
}

#[async_trait]
impl Member for KafkaMember {
    async fn next(&mut self, max_bytes: usize) -> Result<Delivery, LogError> {
        if !self.asked {
            self.ask(Request::Next(max_bytes))?;
            self.asked = true;
        }
        let delivery = tokio::select! {
            delivery = self.deliveries.recv() => delivery.ok_or_else(gone)?,
            failure = ended(&mut self.log) => return Err(failure),
        };
        self.asked = false;
        delivery
    }

    async fn commit(&mut self, transaction: Transaction) -> Committed {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Commit(transaction, reply))?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        // The thread may have ended by itself.
        if self.requests.send(Request::Close).is_err() {
            tracing::debug!("the member's thread had already ended");
        }
    }
}

fn gone() -> LogError {
    LogError::Failed("the member's thread has ended".to_owned())
}
