//! What was sent, and what the log says became of it.

use std::collections::HashMap;

use eventlog::Log;
use testkit::eventually_within;

use super::worker::{COMMANDS, EVENTS, OUTCOMES, all, record};

/// Partitions in use.
const PARTITIONS: i32 = 4;
/// A takeover waits for the session and for the broker to abort what is open.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

/// Commands that were acknowledged.
#[derive(Default)]
pub(crate) struct Commands {
    sent: usize,
}

impl Commands {
    pub(crate) async fn send(&mut self, log: &Log, count: usize) {
        for _ in 0..count {
            let partition = i32::try_from(self.sent).expect("tests send few") % PARTITIONS;
            let command = record(COMMANDS, partition, &format!("c{}", self.sent));
            log.append(vec![command])
                .await
                .expect("the command is appended");
            self.sent += 1;
        }
    }

    /// The verdict once every command is handled.
    pub(crate) async fn await_verdict(&self, log: &Log) -> Verdict {
        eventually_within(LIMIT, "every command is handled", || async {
            Some(judge(log).await).filter(|verdict| verdict.handled >= self.sent)
        })
        .await
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Different commands that have an event.
    pub(crate) handled: usize,
    /// Events beyond the first of a command.
    pub(crate) doubled: usize,
    /// Events whose number is not their place in the partition.
    pub(crate) misnumbered: usize,
    /// Outcomes that name an event which is there.
    pub(crate) settled: usize,
    /// Outcomes that name anything else, or a command again.
    pub(crate) wrong_outcomes: usize,
}

impl Verdict {
    pub(crate) fn faultless(commands: &Commands) -> Self {
        Self {
            handled: commands.sent,
            settled: commands.sent,
            ..Self::default()
        }
    }
}

/// Reads everything that was committed.
pub(crate) async fn judge(log: &Log) -> Verdict {
    let mut verdict = Verdict::default();
    let mut handled: HashMap<String, String> = HashMap::new();
    for partition in 0..PARTITIONS {
        let events = all(log, EVENTS, partition).await;
        for (place, (position, text)) in events.into_iter().enumerate() {
            let (version, command) = text.split_once(' ').expect("an event has two words");
            verdict.misnumbered += usize::from(version != (place + 1).to_string());
            let first = handled
                .insert(command.to_owned(), position.to_string())
                .is_none();
            verdict.doubled += usize::from(!first);
        }
    }
    verdict.handled = handled.len();
    for (_, text) in all(log, OUTCOMES, 0).await {
        let (command, position) = text.split_once(' ').expect("an outcome has two words");
        let right = handled
            .remove(command)
            .is_some_and(|known| known == position);
        verdict.settled += usize::from(right);
        verdict.wrong_outcomes += usize::from(!right);
    }
    verdict
}
