//! The shape of a worker that turns records into commands.

use eventlog::{NewRecord, Record};
use schemas::codec::CodecError;
use schemas::envelope::BadHeader;
use schemas::topic::Topic;

/// Turns each record of its topics into commands. Pure: the same record gives
/// the same commands with the same ids, so that a redelivery changes nothing.
pub trait Reactor: Send + Sync + 'static {
    /// Names the consumer group, the actor and the metrics; never changes.
    fn name(&self) -> &'static str;
    fn topics(&self) -> &'static [Topic];
    fn react(&self, record: &Record) -> Verdict;
}

/// The commands that follow from a record, often none.
pub type Verdict = Result<Vec<NewRecord>, Unreadable>;

/// Why a record could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Nobody will ever read it: it goes to the dead letters.
    Malformed(String),
    /// A newer version would read it: its partition waits for that version.
    Newer(String),
}

impl From<CodecError> for Unreadable {
    fn from(error: CodecError) -> Self {
        if error.needs_newer_version() {
            Self::Newer(error.to_string())
        } else {
            Self::Malformed(error.to_string())
        }
    }
}

impl From<BadHeader> for Unreadable {
    fn from(error: BadHeader) -> Self {
        Self::Malformed(error.to_string())
    }
}
