//! The tasks of one process: all run until the end, and the first that fails ends
//! the others.

use std::future::Future;

use anyhow::{Context, anyhow};
use eventlog::Log;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::signals::Signals;

pub(super) struct Tasks {
    running: Running,
    /// What the others stand on, ended after them by its own token.
    ground: Running,
    ground_end: CancellationToken,
    shutdown: CancellationToken,
    signals: Signals,
}

type Running = JoinSet<anyhow::Result<()>>;

const SECOND_SIGNAL: &str = "stopped by a second signal";

impl Tasks {
    /// From here on a signal waits until somebody looks for it.
    pub(super) fn new(shutdown: CancellationToken) -> anyhow::Result<Self> {
        Ok(Self {
            running: JoinSet::new(),
            ground: JoinSet::new(),
            ground_end: CancellationToken::new(),
            shutdown,
            signals: Signals::listen()?,
        })
    }

    /// What must be there before any task. At a signal it is told to end, and takes back
    /// what it has begun; a second one ends the process at once.
    pub(super) async fn beforehand<T>(
        &mut self,
        starting: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::pin!(starting);
        tokio::select! {
            name = self.signals.next() => tracing::info!("stopping on {name}"),
            started = &mut starting => return started,
        }
        self.shutdown.cancel();
        tokio::select! {
            _ = self.signals.next() => Err(anyhow!(SECOND_SIGNAL)),
            started = starting => started,
        }
    }

    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.running.spawn(async move { task.await.context(name) });
    }

    /// A task that the others need to their end. It ends when the token that it is
    /// given is cancelled, which is after all of them have.
    pub(super) fn spawn_ground<F>(
        &mut self,
        name: &'static str,
        task: impl FnOnce(CancellationToken) -> F,
    ) where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let task = task(self.ground_end.clone());
        self.ground.spawn(async move { task.await.context(name) });
    }

    /// Waits for a signal, a failed task or a failed log; then lets every task
    /// finish what it holds. A second signal ends the process at once.
    pub(super) async fn until_stopped(mut self, log: &Log) -> anyhow::Result<()> {
        let mut ended = Ok(());
        tokio::select! {
            name = self.signals.next() => tracing::info!("stopping on {name}"),
            failed = log.failed() => ended = Err(anyhow!(failed)),
            Some(done) = self.running.join_next() => ended = flatten(done),
            Some(done) = self.ground.join_next() => ended = flatten(done),
        }
        self.shutdown.cancel();
        let ended = ended.and(all_ended(&mut self.running, &mut self.signals).await);
        self.ground_end.cancel();
        ended.and(all_ended(&mut self.ground, &mut self.signals).await)
    }
}

async fn all_ended(running: &mut Running, signals: &mut Signals) -> anyhow::Result<()> {
    let mut ended = Ok(());
    loop {
        tokio::select! {
            _ = signals.next() => return Err(anyhow!(SECOND_SIGNAL)),
            done = running.join_next() => match done {
                None => return ended,
                Some(done) => ended = ended.and(flatten(done)),
            },
        }
    }
}

fn flatten(done: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    done.context("a task panicked")?
}
