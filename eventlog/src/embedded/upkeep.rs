//! Runs retention every so often, and on request, one run at a time.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::journal::Journal;
use super::pins::Pins;
use super::retention::{self, Retained};

/// What retention works on.
pub(super) struct Upkeep {
    journals: Vec<Arc<Journal>>,
    pins: Arc<Pins>,
    /// Held by the run that is under way.
    turn: Mutex<()>,
    stopping: Mutex<bool>,
    stopped: Condvar,
}

impl Upkeep {
    pub(super) fn new(journals: Vec<Arc<Journal>>, pins: Arc<Pins>) -> Arc<Self> {
        Arc::new(Self {
            journals,
            pins,
            turn: Mutex::new(()),
            stopping: Mutex::new(false),
            stopped: Condvar::new(),
        })
    }

    /// Starts the thread that runs retention each `interval`.
    pub(super) fn start(self: &Arc<Self>, interval: Duration) -> io::Result<JoinHandle<()>> {
        let upkeep = self.clone();
        let thread = std::thread::Builder::new().name("log-retention".to_owned());
        thread.spawn(move || upkeep.run_each(interval))
    }

    pub(super) fn stop(&self) {
        *self.stopping.lock() = true;
        self.stopped.notify_all();
    }

    pub(super) fn run(&self) -> io::Result<Retained> {
        let _turn = self.turn.lock();
        let (retained, outcome) = retention::run(&self.journals, &self.pins);
        metrics::counter!("eventlog_retention_freed_bytes_total").increment(retained.bytes_freed);
        outcome.map(|()| retained)
    }

    fn run_each(&self, interval: Duration) {
        let mut stopping = self.stopping.lock();
        while !*stopping {
            let waited = self.stopped.wait_for(&mut stopping, interval);
            if !waited.timed_out() {
                continue;
            }
            drop(stopping);
            match self.run() {
                Ok(Retained { bytes_freed: 0, .. }) => {}
                Ok(retained) => tracing::info!(?retained, "removed expired records"),
                Err(e) => tracing::warn!("retention failed and will be tried again: {e}"),
            }
            stopping = self.stopping.lock();
        }
    }
}
