//! What a log is for ever: its id, and how many partitions each topic has.
//! Written once as `log.json`; topics that a newer version adds are appended.

use std::collections::BTreeMap;
use std::path::Path;

use schemas::ids::LogId;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use super::OpenError;
use super::disk;

const FORMAT: u32 = 1;

/// The content of `log.json`. `check` is the CRC32C of the rest, so that a
/// damaged id is never taken for another log's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    format: u32,
    pub(super) log_id: LogId,
    topics: BTreeMap<String, TopicFacts>,
    check: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TopicFacts {
    id: u16,
    partitions: i32,
    journal: String,
}

impl Identity {
    fn new(log_id: LogId, topics: BTreeMap<String, TopicFacts>) -> Self {
        let mut identity = Self {
            format: FORMAT,
            log_id,
            topics,
            check: 0,
        };
        identity.check = identity.checksum();
        identity
    }

    fn checksum(&self) -> u32 {
        let text = format!("{} {} {:?}", self.format, self.log_id, self.topics);
        crc32c::crc32c(text.as_bytes())
    }
}

/// Where a log in `dir` says which one it is.
pub(super) fn file(dir: &Path) -> std::path::PathBuf {
    dir.join("log.json")
}

/// Reads the log's identity without changing anything; none where there is no log.
pub(super) fn read(dir: &Path) -> Result<Option<Identity>, OpenError> {
    let path = file(dir);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(OpenError::io(&path)(e)),
    };
    let damaged = |detail: String| OpenError::Identity {
        path: path.clone(),
        detail,
    };
    let identity: Identity = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
    if identity.checksum() != identity.check {
        return Err(damaged("its checksum is wrong".to_owned()));
    }
    Ok(Some(identity))
}

/// The identity of the log in `dir`; `create` names a log that has none yet.
pub(super) fn establish(dir: &Path, create: impl FnOnce() -> LogId) -> Result<Identity, OpenError> {
    let known = read(dir)?;
    let identity = match &known {
        None => Identity::new(create(), todays_topics()),
        Some(identity) => extended(dir, identity)?,
    };
    if known.as_ref() != Some(&identity) {
        let path = file(dir);
        let text = serde_json::to_vec_pretty(&identity).map_err(|e| OpenError::Identity {
            path: path.clone(),
            detail: e.to_string(),
        })?;
        disk::replace(&path, &text).map_err(OpenError::io(&path))?;
    }
    Ok(identity)
}

/// Checks each topic of the log against this program's and adds the new ones.
fn extended(dir: &Path, identity: &Identity) -> Result<Identity, OpenError> {
    let today = todays_topics();
    for (name, facts) in &identity.topics {
        match today.get(name) {
            Some(now) if now == facts => {}
            Some(now) => {
                return Err(OpenError::TopicChanged {
                    topic: name.clone(),
                    log: format!("{facts:?}"),
                    program: format!("{now:?}"),
                });
            }
            None => {
                return Err(OpenError::UnknownTopic {
                    dir: dir.to_owned(),
                    topic: name.clone(),
                });
            }
        }
    }
    Ok(Identity::new(identity.log_id, today))
}

fn todays_topics() -> BTreeMap<String, TopicFacts> {
    Topic::all()
        .map(|topic| {
            let facts = TopicFacts {
                id: topic.id(),
                partitions: topic.partitions(),
                journal: topic.journal().name().to_owned(),
            };
            (topic.name().to_owned(), facts)
        })
        .collect()
}
