//! How far consumers outside the log have come, by their own account, so that
//! retention never passes the slowest. Kept in `pins.json`; what is on disk may
//! be behind, which only delays retention.
//!
//! Where it was told who reads the log in this version of the program, it waits for
//! nobody else: a consumer that was dropped or renamed would hold the log for ever.
//! What is known of such a one stays, for a version that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use super::{OpenError, disk};
use crate::{Offset, Partition, Position};

/// Next offsets of each consumer.
#[derive(Debug)]
pub(super) struct Pins {
    path: PathBuf,
    pins: Mutex<Table>,
    /// Held by who writes the file; who moves a pin does not wait for the disk.
    writing: Mutex<()>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Table {
    /// Consumer, then `topic/partition`.
    consumers: BTreeMap<String, BTreeMap<String, Offset>>,
    #[serde(skip)]
    unsaved: bool,
    /// A consumer is not on disk at all.
    #[serde(skip)]
    unknown: bool,
    /// Whom retention waits for; None: for everybody who was ever here.
    #[serde(skip)]
    waited_for: Option<BTreeSet<String>>,
}

impl Table {
    fn waits_for(&self, consumer: &str) -> bool {
        let waited_for = self.waited_for.as_ref();
        waited_for.is_none_or(|known| known.contains(consumer))
    }
}

impl Pins {
    /// `waited_for` are all who read the log in this version of the program, where that
    /// was told.
    pub(super) fn open(
        dir: &Path,
        waited_for: Option<BTreeSet<String>>,
    ) -> Result<Self, OpenError> {
        let path = dir.join("pins.json");
        let mut pins: Table = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| OpenError::Identity {
                path: path.clone(),
                detail: e.to_string(),
            })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Table::default(),
            Err(e) => return Err(OpenError::io(&path)(e)),
        };
        pins.waited_for = waited_for;
        Ok(Self {
            path,
            pins: Mutex::new(pins),
            writing: Mutex::default(),
        })
    }

    /// Moves a consumer's pins; true where they are to be saved at once, because a
    /// consumer is new.
    pub(super) fn set(&self, consumer: &str, next: &[Position]) -> bool {
        let mut pins = self.pins.lock();
        // Who is at work is waited for, whatever was told.
        if !pins.waits_for(consumer)
            && let Some(known) = &mut pins.waited_for
        {
            known.insert(consumer.to_owned());
        }
        let new = !pins.consumers.contains_key(consumer);
        let of_consumer = pins.consumers.entry(consumer.to_owned()).or_default();
        for position in next {
            of_consumer.insert(name(position.topic, position.partition), position.offset);
        }
        pins.unsaved = true;
        pins.unknown |= new;
        pins.unknown
    }

    /// Writes what has moved since it was written last; blocks.
    pub(super) fn save(&self) -> std::io::Result<()> {
        let _writing = self.writing.lock();
        let mut pins = self.pins.lock();
        if !pins.unsaved {
            return Ok(());
        }
        let table = pins.clone();
        (pins.unsaved, pins.unknown) = (false, false);
        drop(pins);
        let saved = self.write(&table);
        if saved.is_err() {
            let mut pins = self.pins.lock();
            pins.unsaved = true;
            pins.unknown |= table.unknown;
        }
        saved
    }

    pub(super) fn waits_for(&self, consumer: &str) -> bool {
        self.pins.lock().waits_for(consumer)
    }

    /// Everybody who has a pin.
    pub(super) fn consumers(&self) -> Vec<String> {
        self.pins.lock().consumers.keys().cloned().collect()
    }

    /// The least next offset of a partition over all consumers that are waited for and
    /// that `counts` admits.
    pub(super) fn least(
        &self,
        topic: Topic,
        partition: Partition,
        counts: impl Fn(&str) -> bool,
    ) -> Option<Offset> {
        let pins = self.pins.lock();
        let name = name(topic, partition);
        let consumers = pins
            .consumers
            .iter()
            .filter(|(consumer, _)| pins.waits_for(consumer) && counts(consumer));
        consumers
            .filter_map(|(_, next)| next.get(&name).copied())
            .min()
    }

    fn write(&self, table: &Table) -> std::io::Result<()> {
        disk::replace(&self.path, &serde_json::to_vec_pretty(table)?)
    }
}

fn name(topic: Topic, partition: Partition) -> String {
    format!("{}/{partition}", topic.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_consumer_is_to_be_saved_until_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let pins = Pins::open(dir.path(), None).unwrap();
        let topic = Topic::IncidentEvents;
        let at = |offset| Position {
            topic,
            partition: 0,
            offset,
        };
        // Where the file is staged.
        let in_the_way = dir.path().join("pins.tmp");
        std::fs::create_dir(&in_the_way).unwrap();
        assert!(pins.set("fold", &[at(3)]));
        pins.save().unwrap_err();
        assert!(pins.set("fold", &[at(4)]), "it is not on disk yet");
        std::fs::remove_dir(&in_the_way).unwrap();
        pins.save().unwrap();
        assert!(!pins.set("fold", &[at(5)]), "now it is");
        let reopened = Pins::open(dir.path(), None).unwrap();
        assert_eq!(reopened.least(topic, 0, |_| true), Some(4));
    }
}
