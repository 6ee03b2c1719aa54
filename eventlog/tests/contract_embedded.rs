//! The contract suite on the embedded log.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "contract/suite.rs"]
mod suite;

use async_trait::async_trait;
use eventlog::Log;
use eventlog::embedded::{EmbeddedLog, Options};
use suite::Backend;

/// A log in a temporary folder, with segments so small that every test crosses
/// some, and so little memory that most reads come from files.
struct Embedded {
    dir: tempfile::TempDir,
}

impl Embedded {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("the machine has a temporary folder");
        Self { dir }
    }
}

#[async_trait]
impl Backend for Embedded {
    async fn open(&self) -> Log {
        let options = Options {
            segment_bytes: 64 << 10,
            tail_memory_bytes: 4 << 10,
            ..Options::new(self.dir.path())
        };
        EmbeddedLog::open(options).expect("the log opens")
    }

    fn oversized_body(&self) -> usize {
        Options::new(self.dir.path()).max_record_bytes
    }

    fn has_journals(&self) -> bool {
        true
    }
}

contract_suite!(Some(Embedded::new()));
