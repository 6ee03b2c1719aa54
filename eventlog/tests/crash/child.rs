//! The process that appends until it is killed: this test program, started again
//! with orders in its environment.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use eventlog::EventLog;
use eventlog::embedded::{EmbeddedLog, Options, RealDisk};

use super::environment;
use super::lying_disks::{KeepsInMemory, NeverSyncs};
use super::oracle::{Oracle, TOPICS, record};

const APPENDERS: usize = 6;
/// The line that tells the parent of one more.
const ACKNOWLEDGED: &str = "acknowledged";

/// Which disk the child's log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    Real,
    NeverSyncs,
    KeepsInMemory,
}

impl Disk {
    fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::NeverSyncs => "never-syncs",
            Self::KeepsInMemory => "keeps-in-memory",
        }
    }
}

/// In the child: appends until killed or until its disk is gone, and ends there. In
/// the parent: returns at once.
pub(crate) fn append_if_asked() {
    let Some(dir) = environment("EVENTLOG_CHILD_DIR") else {
        return;
    };
    let order = |name| environment(name).expect("a child has all its orders");
    let disk: Arc<dyn eventlog::embedded::Disk> = match order("EVENTLOG_CHILD_DISK").as_str() {
        "never-syncs" => Arc::new(NeverSyncs),
        "keeps-in-memory" => Arc::new(KeepsInMemory::default()),
        _ => Arc::new(RealDisk::default()),
    };
    let options = Options {
        disk,
        segment_bytes: 1 << 20,
        ..Options::new(dir)
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let (oracle, run) = (order("EVENTLOG_CHILD_ORACLE"), order("EVENTLOG_CHILD_RUN"));
    runtime.block_on(append_until_killed(options, Path::new(&oracle), &run));
    // Going on would make the child a parent of its own.
    std::process::exit(0);
}

async fn append_until_killed(options: Options, oracle: &Path, run: &str) {
    let file = OpenOptions::new().create(true).append(true).open(oracle);
    let file = Arc::new(file.expect("the oracle opens"));
    let log = EmbeddedLog::open(options).expect("the log opens");
    let appenders = (0..APPENDERS).map(|appender| {
        let (log, file, run) = (log.clone(), file.clone(), run.to_owned());
        tokio::spawn(async move {
            for n in 0.. {
                let topic = TOPICS[(appender + n) % TOPICS.len()];
                let id = format!("{run}-{appender}-{n}");
                // A power cut shows as an error; the parent decides what it means.
                let Ok(positions) = log.append(vec![record(topic, &id)]).await else {
                    break;
                };
                Oracle::note(&file, &id, positions[0]);
                // A parent that has heard enough closes the pipe.
                writeln!(std::io::stdout(), "{ACKNOWLEDGED}").ok();
            }
        })
    });
    for appender in appenders.collect::<Vec<_>>() {
        appender.await.expect("an appender does not panic");
    }
}

/// Starts a child that appends to `dir`; `test` is the test that calls this.
pub(crate) fn start(test: &str, dir: &Path, oracle: &Oracle, run: usize, disk: Disk) -> Child {
    let program = std::env::current_exe().expect("the test knows its program");
    Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env("EVENTLOG_CHILD_DIR", dir)
        .env("EVENTLOG_CHILD_ORACLE", oracle.path())
        .env("EVENTLOG_CHILD_RUN", run.to_string())
        .env("EVENTLOG_CHILD_DISK", disk.name())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test can start itself")
}

/// Waits until the child has had a random number of acknowledgements.
pub(crate) fn wait_for_random_point(child: &mut Child) {
    let random = u64::from_le_bytes(schemas::context::random_bytes());
    let wanted = 20 + (random % 600) as usize;
    let output = child.stdout.as_mut().expect("the child's output is piped");
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    let acknowledged = lines.filter(|line| line == ACKNOWLEDGED).take(wanted);
    assert_eq!(acknowledged.count(), wanted, "the child ended by itself");
}

/// Somewhere that the log's disk has nothing to do with.
pub(crate) fn other_filesystem() -> tempfile::TempDir {
    let memory = tempfile::tempdir_in("/dev/shm");
    let dir = memory.or_else(|_| tempfile::tempdir());
    dir.expect("the machine has a temporary folder")
}
