//! The runner: the only writer of the events topics.
//!
//! One [`Owner`](owner::Owner) a bounded context joins the group of its commands
//! topic. What it may decide, it decides on copies and commits in one transaction
//! with audit records, outcomes and input offsets; what it cannot load yet, it
//! sets aside without letting the input offset pass it.

mod batch;
mod cache;
mod command;
mod erased;
mod errand;
mod fact;
mod held;
mod intake;
mod kind;
mod memory;
mod owner;
mod plan;
mod registry;
mod settlement;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use eventlog::Log;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::history::History;
use erased::Erased;
use owner::Owner;

/// What the runner may hold and how long it waits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Commands fetched at a time, in bytes; also bounds a transaction.
    pub batch_bytes: usize,
    /// Aggregates kept in memory, a context.
    pub cached_aggregates: usize,
    /// The same in bytes, about; one is kept however large it is.
    pub cached_bytes: usize,
    /// Newest events kept in memory, a partition, in bytes.
    pub tail_bytes: usize,
    /// Commands that wait for the history, a context; beyond it reading pauses.
    pub open_commands: usize,
    /// The same in bytes.
    pub open_bytes: usize,
    /// Questions to the history at a time, a context.
    pub errands: usize,
    /// After this the history counts as away.
    pub history_timeout: Duration,
    /// First and longest pause between two attempts.
    pub retry_first: Duration,
    pub retry_longest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_bytes: 1 << 20,
            cached_aggregates: 10_000,
            cached_bytes: 128 << 20,
            tail_bytes: 2 << 20,
            open_commands: 10_000,
            open_bytes: 32 << 20,
            errands: 16,
            history_timeout: Duration::from_secs(2),
            retry_first: Duration::from_millis(10),
            retry_longest: Duration::from_secs(1),
        }
    }
}

/// The groups of all owners.
pub fn groups() -> impl Iterator<Item = &'static str> {
    registry::contexts().into_iter().map(|(group, _)| group)
}

/// Runs the owners of all contexts until `shutdown`, or until the log fails.
pub async fn run(
    log: Log,
    history: Arc<dyn History>,
    limits: Limits,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut owners = JoinSet::new();
    let erased = Erased::default();
    let following = erased
        .clone()
        .follow(log.clone(), limits.retry_longest, shutdown.clone());
    owners.spawn(following);
    for (group, topic) in registry::contexts() {
        let owner = Owner::new(log.clone(), history.clone(), erased.clone(), limits.clone());
        owners.spawn(owner.run(group, topic, shutdown.clone()));
    }
    while let Some(ended) = owners.join_next().await {
        ended??;
    }
    Ok(())
}
