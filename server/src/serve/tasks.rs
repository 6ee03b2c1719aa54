//! The tasks of one process: all run until the end, and the first that fails ends
//! the others.

use std::future::Future;

use anyhow::{Context, anyhow};
use eventlog::Log;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(super) struct Tasks {
    running: JoinSet<anyhow::Result<()>>,
    shutdown: CancellationToken,
}

impl Tasks {
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self {
            running: JoinSet::new(),
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
            done = self.running.join_next() => ended = flatten(done),
        }
        self.shutdown.cancel();
        loop {
            tokio::select! {
                _ = terminate.recv() => return Err(anyhow!("stopped by a second signal")),
                _ = interrupt.recv() => return Err(anyhow!("stopped by a second signal")),
                done = self.running.join_next() => {
                    if done.is_none() {
                        return ended;
                    }
                    ended = ended.and(flatten(done));
                }
            }
        }
    }
}

fn flatten(done: Option<Result<anyhow::Result<()>, tokio::task::JoinError>>) -> anyhow::Result<()> {
    done.map_or(Ok(()), |joined| joined.context("a task panicked")?)
}
