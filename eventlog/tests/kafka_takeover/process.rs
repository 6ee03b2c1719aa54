//! Workers as processes, and the folder in which they and the test meet.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::{TestKafka, eventually};

use super::worker::{Manner, SETTLED, touch};

pub(crate) struct Scene {
    test: &'static str,
    place: TestKafka,
    folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new(test: &'static str, place: &TestKafka) -> Self {
        let folder = tempfile::tempdir().expect("the machine has a temporary folder");
        Self {
            test,
            place: place.clone(),
            folder,
        }
    }

    /// Starts a worker under the given instance name.
    pub(crate) fn start(&self, instance: &str, manner: Manner) -> Process {
        let folder = self
            .folder
            .path()
            .to_str()
            .expect("a temporary path is text");
        let TestKafka {
            brokers, prefix, ..
        } = &self.place;
        let orders = [brokers, prefix, instance, manner.name(), folder].join("|");
        let program = std::env::current_exe().expect("the test knows its program");
        let child = Command::new(program)
            .args(["--exact", self.test, "--nocapture"])
            .env("TAKEOVER_WORKER", orders)
            .stdout(Stdio::piped())
            .spawn();
        Process::new(child.expect("the test can start itself"))
    }

    /// Waits until a worker stands still where it was told to.
    pub(crate) async fn await_stall(&self) {
        self.await_file("stalled").await;
    }

    pub(crate) fn end_stall(&self) {
        touch(&self.folder.path().join("go"));
    }

    /// Waits until a worker was told that its transaction did not happen.
    pub(crate) async fn await_refused(&self) {
        self.await_file("refused").await;
    }

    async fn await_file(&self, name: &str) {
        let path = self.folder.path().join(name);
        eventually(name, || async { path.exists().then_some(()) }).await;
    }
}

/// A running worker; dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    settled: Arc<AtomicUsize>,
}

impl Process {
    fn new(mut child: Child) -> Self {
        let output = child.stdout.take().expect("the child's output is piped");
        let settled = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&settled);
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            for _ in lines.filter(|line| line == SETTLED) {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { child, settled }
    }

    /// Commands that it has committed.
    pub(crate) fn settled(&self) -> usize {
        self.settled.load(Ordering::SeqCst)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "SIG{name} is sent"
        );
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child of ours can be killed");
        self.child.wait().expect("a killed child ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
