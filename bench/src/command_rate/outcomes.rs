//! Releases the clients whose commands have durable outcomes.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use eventlog::{Log, Position, Record, Subscription, Visibility};
use parking_lot::Mutex;
use schemas::ids::CommandId;
use schemas::outcome::Outcome;
use schemas::topic::Topic;
use tokio::sync::oneshot;

const TOPIC: Topic = Topic::CommandOutcomes;
const FETCH_BYTES: usize = 1 << 20;

type Waiting = Arc<Mutex<HashMap<CommandId, oneshot::Sender<Outcome>>>>;

/// Who waits for which command.
#[derive(Clone, Default)]
pub(super) struct Outcomes {
    waiting: Waiting,
}

impl Outcomes {
    /// Follows the topic from its beginning until the log closes.
    pub(super) async fn follow(log: &Log) -> anyhow::Result<Self> {
        let partitions = 0..TOPIC.partitions();
        let from = partitions.map(|partition| Position {
            topic: TOPIC,
            partition,
            offset: 0,
        });
        let records = log.subscribe(from.collect(), Visibility::Durable).await?;
        let outcomes = Self::default();
        tokio::spawn(release(outcomes.waiting.clone(), records));
        Ok(outcomes)
    }

    /// To be called before the command is appended.
    pub(super) fn expect(&self, command: CommandId) -> Expected {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().insert(command, sender);
        Expected(receiver)
    }
}

/// One command's place in the line.
pub(super) struct Expected(oneshot::Receiver<Outcome>);

impl Expected {
    pub(super) async fn accepted(self) -> anyhow::Result<()> {
        let Outcome::CommandSettled(settled) = self.0.await.context("the log closed")?;
        match settled.refusal {
            None => Ok(()),
            Some(refusal) => bail!("refused: {}", refusal.detail),
        }
    }
}

/// Dropping the senders at the end tells everybody who still waits.
async fn release(waiting: Waiting, mut records: Box<dyn Subscription>) -> anyhow::Result<()> {
    loop {
        for part in records.next(FETCH_BYTES).await? {
            for record in &part.records {
                let (command, outcome) = read(record)?;
                if let Some(waiter) = waiting.lock().remove(&command) {
                    // A client whose time is up has gone.
                    drop(waiter.send(outcome));
                }
            }
        }
    }
}

fn read(record: &Record) -> anyhow::Result<(CommandId, Outcome)> {
    Ok((record.envelope()?.command_id(), record.decode()?))
}
