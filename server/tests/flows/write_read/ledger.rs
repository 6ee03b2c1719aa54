//! What was sent in one lane, what was acknowledged, and what a read may answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Items by number; their times grow strictly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    items: Vec<Item>,
    /// From the acknowledgement to the end of the first read that found it.
    lags: Vec<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    time_ms: i64,
    acked: Option<Instant>,
    seen: Option<Instant>,
}

/// What an answer must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Acknowledged, past its visibility time, and not there.
    Missing(usize),
    /// It was there before and is no longer.
    Vanished(usize),
    Twice(usize),
    /// Nobody sent it, or not within the times that were asked for.
    Unknown(usize),
}

/// One read: which items it asked for, when, and by when they had to be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) asked: Instant,
    pub(crate) answered: Instant,
    /// The platform has been ready since; None where it was down meanwhile.
    pub(crate) ready: Option<Instant>,
    pub(crate) visible: Duration,
}

impl Ledger {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn time_ms(&self, n: usize) -> i64 {
        self.items[n].time_ms
    }

    pub(crate) fn lags(&self) -> &[Duration] {
        &self.lags
    }

    /// The number of a new item at `time_ms` or as soon after it as there is room.
    pub(crate) fn plan(&mut self, time_ms: i64) -> usize {
        let last = self.items.last().map_or(i64::MIN, |item| item.time_ms);
        self.items.push(Item {
            time_ms: time_ms.max(last.saturating_add(1)),
            acked: None,
            seen: None,
        });
        self.items.len() - 1
    }

    pub(crate) fn acknowledge(&mut self, n: usize, at: Instant) {
        self.items[n].acked = Some(at);
    }

    /// Compares an answer with what was sent.
    pub(crate) fn check(&mut self, read: &Read, found: &[usize]) -> Result<(), Fault> {
        let mut times = BTreeMap::<usize, usize>::new();
        for n in found {
            *times.entry(*n).or_default() += 1;
        }
        for (n, times) in &times {
            if !(read.first..=read.last).contains(n) {
                return Err(Fault::Unknown(*n));
            }
            if *times > 1 {
                return Err(Fault::Twice(*n));
            }
        }
        for n in read.first..=read.last {
            match times.contains_key(&n) {
                true => self.see(n, read),
                false => self.items[n].may_be_missing(n, read)?,
            }
        }
        Ok(())
    }

    fn see(&mut self, n: usize, read: &Read) {
        let item = &mut self.items[n];
        if item.seen.is_none() {
            item.seen = Some(read.answered);
            // What was found before its sender had the answer has waited for nothing.
            if let (Some(acked), Some(ready)) = (item.acked, read.ready) {
                self.lags
                    .push(read.answered.saturating_duration_since(acked.max(ready)));
            }
        }
    }
}

impl Item {
    fn may_be_missing(&self, n: usize, read: &Read) -> Result<(), Fault> {
        if self.seen.is_some_and(|seen| seen <= read.asked) {
            return Err(Fault::Vanished(n));
        }
        let due = self.acked.zip(read.ready).map(|(acked, ready)| {
            let from = acked.max(ready);
            from + read.visible
        });
        match due {
            Some(due) if due <= read.asked => Err(Fault::Missing(n)),
            _ => Ok(()),
        }
    }
}

/// A check that cannot fail shows nothing.
#[test]
fn every_fault_is_found() {
    let begun = Instant::now();
    let second = Duration::from_secs(1);
    let mut ledger = Ledger::default();
    for time_ms in [100, 100, 300] {
        let n = ledger.plan(time_ms);
        ledger.acknowledge(n, begun);
    }
    assert_eq!(ledger.time_ms(1), 101);
    let read = |asked: Instant| Read {
        first: 0,
        last: 2,
        asked,
        answered: asked,
        ready: Some(begun),
        visible: second,
    };
    let early = read(begun + second / 2);
    let late = read(begun + second * 2);
    assert_eq!(ledger.check(&early, &[0]), Ok(()));
    assert_eq!(ledger.check(&late, &[0, 1]), Err(Fault::Missing(2)));
    assert_eq!(ledger.check(&late, &[1, 2]), Err(Fault::Vanished(0)));
    assert_eq!(ledger.check(&late, &[0, 1, 1, 2]), Err(Fault::Twice(1)));
    assert_eq!(ledger.check(&late, &[0, 1, 2, 3]), Err(Fault::Unknown(3)));
    assert_eq!(ledger.check(&late, &[2, 1, 0]), Ok(()));
    let down = Read {
        ready: None,
        ..late
    };
    ledger.plan(400);
    assert_eq!(ledger.check(&down, &[0, 1, 2]), Ok(()));
}
