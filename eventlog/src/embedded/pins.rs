//! How far consumers outside the log have come, by their own account, so that
//! retention never passes the slowest. Kept in `pins.json`; what is on disk may
//! be behind, which only delays retention.

use std::collections::BTreeMap;
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
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Table {
    /// Consumer, then `topic/partition`.
    consumers: BTreeMap<String, BTreeMap<String, Offset>>,
    #[serde(skip)]
    unsaved: bool,
}

impl Pins {
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("pins.json");
        let pins = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| OpenError::Identity {
                path: path.clone(),
                detail: e.to_string(),
            })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Table::default(),
            Err(e) => return Err(OpenError::io(&path)(e)),
        };
        Ok(Self {
            path,
            pins: Mutex::new(pins),
        })
    }

    /// Moves a consumer's pins; a consumer that is new is on disk on return.
    pub(super) fn set(&self, consumer: &str, next: &[Position]) -> std::io::Result<()> {
        let mut pins = self.pins.lock();
        let new = !pins.consumers.contains_key(consumer);
        let of_consumer = pins.consumers.entry(consumer.to_owned()).or_default();
        for position in next {
            of_consumer.insert(name(position.topic, position.partition), position.offset);
        }
        pins.unsaved = true;
        if new { self.write(&mut pins) } else { Ok(()) }
    }

    /// Forgets a consumer that will never read again.
    pub(super) fn remove(&self, consumer: &str) -> std::io::Result<()> {
        let mut pins = self.pins.lock();
        if pins.consumers.remove(consumer).is_some() {
            self.write(&mut pins)?;
        }
        Ok(())
    }

    pub(super) fn save(&self) -> std::io::Result<()> {
        let mut pins = self.pins.lock();
        if pins.unsaved {
            self.write(&mut pins)
        } else {
            Ok(())
        }
    }

    /// The least next offset of a partition over all consumers that `counts` admits.
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
            .filter(|(consumer, _)| counts(consumer));
        consumers
            .filter_map(|(_, next)| next.get(&name).copied())
            .min()
    }

    fn write(&self, pins: &mut Table) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(pins)?;
        disk::replace(&self.path, &text)?;
        pins.unsaved = false;
        Ok(())
    }
}

fn name(topic: Topic, partition: Partition) -> String {
    format!("{}/{partition}", topic.name())
}
