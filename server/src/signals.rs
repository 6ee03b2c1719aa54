//! What tells the process to end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGTERM and SIGINT, which from [`Signals::listen`] on end nothing by themselves.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// What `working` comes to, which the next one tells to `stop`.
    pub(crate) async fn stopping<T>(
        &mut self,
        stop: &CancellationToken,
        working: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(working);
        tokio::select! {
            _ = self.next() => stop.cancel(),
            done = &mut working => return done,
        }
        working.await
    }
}
