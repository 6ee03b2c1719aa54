//! The input of one commands partition: what was read and is not settled.

use std::collections::BTreeMap;

use eventlog::Offset;

use super::settlement::Answer;

/// Commands are settled out of order while some wait for the history, but an
/// answer goes out only with the events that prove it or once everything before
/// it is settled: after a crash the group reads again from the first open offset,
/// and then nothing that somebody was told may be decided a second time.
#[derive(Default)]
pub(super) struct Intake {
    /// Past everything that was read.
    read_to: Option<Offset>,
    /// What the group has committed.
    committed: Option<Offset>,
    open: BTreeMap<Offset, Open>,
    bytes: usize,
    stopped: bool,
}

struct Open {
    bytes: usize,
    /// An answer without events that waits for those before it.
    answer: Option<Answer>,
}

impl Intake {
    pub(super) fn read(&mut self, offset: Offset, bytes: usize) {
        let answer = None;
        self.open.insert(offset, Open { bytes, answer });
        self.bytes += bytes;
        self.read_to = Some(offset + 1);
    }

    /// Everything before `offset` was read.
    pub(super) fn read_to(&mut self, offset: Offset) {
        self.read_to = self.read_to.max(Some(offset));
    }

    pub(super) fn is_open(&self, offset: Offset) -> bool {
        self.open.contains_key(&offset)
    }

    pub(super) fn open_commands(&self) -> usize {
        self.open.len()
    }

    pub(super) fn open_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Reads nothing more. What was read before may still be settled.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Lets go of everything; the group stays where it is.
    pub(super) fn abandon(&mut self) {
        self.stopped = true;
        self.open.clear();
        self.bytes = 0;
        self.read_to = self.committed;
    }

    /// Takes an answer; hands it back at once if its events prove it.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Answer> {
        let offset = answer.input().offset;
        if answer.events() > 0 {
            self.close(offset);
            return Some(answer);
        }
        if let Some(open) = self.open.get_mut(&offset) {
            open.answer = Some(answer);
        }
        None
    }

    /// The answers that nothing open precedes any more.
    pub(super) fn release(&mut self) -> Vec<Answer> {
        let mut released = Vec::new();
        while let Some(first) = self.open.first_entry() {
            if first.get().answer.is_none() {
                break;
            }
            let (offset, open) = first.remove_entry();
            self.bytes -= open.bytes;
            self.read_to = self.read_to.max(Some(offset + 1));
            released.extend(open.answer);
        }
        released
    }

    /// Where the group has to go on, if that is news.
    pub(super) fn advance(&mut self) -> Option<Offset> {
        let first_open = self.open.keys().next().copied();
        let next = first_open.or(self.read_to);
        if next <= self.committed {
            return None;
        }
        self.committed = next;
        next
    }

    fn close(&mut self, offset: Offset) {
        let closed = self.open.remove(&offset);
        self.bytes -= closed.map_or(0, |open| open.bytes);
    }
}
