//! What became of the commands that this gateway sent: a subscription on
//! `command.outcomes` that releases the requests which wait for one.

mod ledger;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Fetched, Log, LogError, Position, Record, Visibility};
use parking_lot::Mutex;
use schemas::ids::{CommandId, ProjectId, TenantId};
use schemas::outcome::{CommandSettled, EventPosition, Outcome, Refusal};
use schemas::scope::Scope;
use schemas::topic::Topic;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use ledger::Ledger;

const TOPIC: Topic = Topic::CommandOutcomes;
const FETCH_BYTES: usize = 1 << 20;
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The outcome of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub command: CommandId,
    pub tenant: TenantId,
    pub project: Option<ProjectId>,
    pub aggregate: String,
    pub aggregate_id: String,
    pub refusal: Option<Refusal>,
    pub version: i64,
    pub positions: Vec<EventPosition>,
    pub request_hash: Option<String>,
}

/// What this gateway knows of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it was sent by another gateway, long ago, or never.
    Unknown,
    Pending,
    Settled(Arc<Settled>),
}

/// The commands that were sent and what became of them.
#[derive(Clone)]
pub struct Outcomes {
    ledger: Arc<Mutex<Ledger>>,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self {
            ledger: Arc::new(Mutex::new(Ledger::new(20_000))),
        }
    }
}

/// One request's place in the line for an outcome.
pub struct Expected {
    receiver: oneshot::Receiver<Arc<Settled>>,
}

impl Outcomes {
    /// To be called before the command is appended, or its outcome may be missed.
    pub fn expect(&self, scope: &Scope, command: CommandId, hash: &str) -> Expected {
        let (sender, receiver) = oneshot::channel();
        let owner = (scope.tenant(), scope.project());
        self.ledger.lock().expect(command, owner, hash, sender);
        Expected { receiver }
    }

    /// What is known of a command of this scope.
    pub fn known(&self, scope: &Scope, command: CommandId) -> Known {
        let owner = (scope.tenant(), scope.project());
        self.ledger.lock().known(command, owner)
    }

    /// The command was not appended after all.
    pub fn forget(&self, command: CommandId) {
        self.ledger.lock().forget(command);
    }

    /// Follows the topic from its present end until `shutdown`.
    pub async fn follow(&self, log: &Log, shutdown: CancellationToken) -> Result<(), LogError> {
        let mut next = ends(log).await?;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                failed = self.follow_once(log, &mut next) => match failed {
                    Err(LogError::Unavailable(why)) => {
                        tracing::warn!(%why, "outcomes: the log is away");
                        tokio::time::sleep(RETRY_AFTER).await;
                    }
                    other => return other,
                },
            }
        }
    }

    async fn follow_once(&self, log: &Log, next: &mut [Position]) -> Result<(), LogError> {
        let mut records = log.subscribe(next.to_vec(), Visibility::Durable).await?;
        loop {
            for part in records.next(FETCH_BYTES).await? {
                self.take_in(&part);
                let read = next.iter_mut().find(|at| at.partition == part.partition);
                if let Some(position) = read {
                    position.offset = part.next_offset;
                }
            }
        }
    }

    fn take_in(&self, part: &Fetched) {
        for record in &part.records {
            match settled(record) {
                Ok(settled) => self.ledger.lock().settle(Arc::new(settled)),
                // Requests then wait out their time and ask the read model.
                Err(why) => {
                    metrics::counter!("gateway_outcomes_unreadable_total").increment(1);
                    tracing::error!(position = %record.position, %why, "an outcome cannot be read");
                }
            }
        }
    }
}

impl Settled {
    /// The outcome that the read model holds for `command` of `scope`.
    pub fn found(scope: &Scope, command: CommandId, outcome: CommandSettled) -> Self {
        Self::of(command, (scope.tenant(), Some(scope.project())), outcome)
    }

    fn of(
        command: CommandId,
        (tenant, project): (TenantId, Option<ProjectId>),
        outcome: CommandSettled,
    ) -> Self {
        Self {
            command,
            tenant,
            project,
            aggregate: outcome.aggregate,
            aggregate_id: outcome.aggregate_id,
            refusal: outcome.refusal,
            version: outcome.version,
            positions: outcome.positions,
            request_hash: outcome.request_hash,
        }
    }
}

impl Expected {
    /// The outcome, or None where it has not come within `wait`.
    pub async fn within(self, wait: Duration) -> Option<Arc<Settled>> {
        tokio::time::timeout(wait, self.receiver).await.ok()?.ok()
    }
}

fn settled(record: &Record) -> Result<Settled, String> {
    let envelope = record.envelope().map_err(|e| e.to_string())?;
    let Outcome::CommandSettled(outcome) = record.decode().map_err(|e| e.to_string())?;
    let tenant = envelope.tenant.ok_or("the outcome names no tenant")?;
    let owner = (tenant, envelope.project);
    Ok(Settled::of(envelope.command_id(), owner, outcome))
}

async fn ends(log: &Log) -> Result<Vec<Position>, LogError> {
    let mut ends = Vec::new();
    for partition in 0..TOPIC.partitions() {
        let range = log.range(TOPIC, partition, Visibility::Durable).await?;
        ends.push(Position {
            topic: TOPIC,
            partition,
            offset: range.end,
        });
    }
    Ok(ends)
}
