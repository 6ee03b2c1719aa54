//! The tasks of one process: all run until the end, and the first that fails ends
//! the others.

use std::future::Future;

use anyhow::{Context, anyhow};
use eventlog::Log;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(super) struct Tasks {
    running: Running,
    /// What the others stand on, ended after them by its own token.
    ground: Running,
    ground_end: CancellationToken,
    shutdown: CancellationToken,
}

type Running = JoinSet<anyhow::Result<()>>;

impl Tasks {
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self {
            running: JoinSet::new(),
            ground: JoinSet::new(),
            ground_end: CancellationToken::new(),
            shutdown,
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
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut ended = Ok(());
        tokio::select! {
            _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
            _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
            failed = log.failed() => ended = Err(anyhow!(failed)),
            Some(done) = self.running.join_next() => ended = flatten(done),
            Some(done) = self.ground.join_next() => ended = flatten(done),
        }
        self.shutdown.cancel();
        let mut again = [terminate, interrupt];
        let ended = ended.and(all_ended(&mut self.running, &mut again).await);
        self.ground_end.cancel();
        ended.and(all_ended(&mut self.ground, &mut again).await)
    }
}

async fn all_ended(running: &mut Running, again: &mut [Signal; 2]) -> anyhow::Result<()> {
    let mut ended = Ok(());
    let [terminate, interrupt] = again;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Err(anyhow!("stopped by a second signal")),
            _ = interrupt.recv() => return Err(anyhow!("stopped by a second signal")),
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
