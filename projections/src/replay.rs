//! Folding anew: a whole projection beside its live tables, or the parked
//! records of one key.

mod key;
mod shadow;
mod swap;
mod telemetry;

use std::sync::Arc;

use eventlog::{Log, LogError};
use sqlx::PgConnection;

use crate::Settings;
use crate::db::Db;
use crate::runtime::{ApplyError, Projection, has_known_shape};
use crate::telemetry::compaction::CompactError;
use crate::vault::SubjectKeys;

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub projection: String,
    pub records: u64,
    /// The generation that readers see now.
    pub generation: i64,
}

impl std::fmt::Display for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            projection,
            records,
            generation,
        } = self;
        write!(
            f,
            "{projection}: {records} records folded anew, generation {generation}"
        )
    }
}

/// Why a replay ended without effect; the live tables are as they were.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("there is no projection `{0}` (there are: {1})")]
    Unknown(String, String),
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the log failed: {0}")]
    Log(#[from] LogError),
    #[error("the telemetry store failed: {0}")]
    Store(#[from] CompactError),
    #[error("another replay of {0} is under way")]
    UnderWay(String),
    #[error("{0}")]
    Interrupted(String),
    #[error(
        "the tables of {0} are of another version: replay with that one, or start this version \
         with the projections role, which makes them anew"
    )]
    OtherShape(String),
    #[error("the record still cannot be applied: {0}")]
    StillFails(ApplyError),
    #[error(
        "{topic}/{partition}: the live tables stopped at offset {live}, the replay at {replayed}: {why}"
    )]
    Stopped {
        topic: &'static str,
        partition: i32,
        live: i64,
        replayed: i64,
        why: String,
    },
}

/// What a replay needs from the outside. It announces nothing.
#[derive(Clone)]
pub struct Replay {
    pub log: Log,
    pub db: Db,
    pub people: SubjectKeys,
    /// As the live folds have them.
    pub settings: Settings,
}

impl Replay {
    /// Folds one projection anew and swaps its tables. Of telemetry, whose rows
    /// outlive the log's records, the range that the log still holds.
    pub async fn one(&self, name: &str) -> Result<Replayed, ReplayError> {
        let projection = find(name)?;
        let mut signals = crate::telemetry::signals().into_iter();
        match signals.find(|signal| signal.name == name) {
            Some(signal) => telemetry::replay(self, &signal).await,
            None => shadow::replay(self, projection.as_ref()).await,
        }
    }

    /// Applies what is parked of `key`, in order, after a fix; returns how many
    /// records that were.
    pub async fn key(&self, name: &str, key: &[u8]) -> Result<u64, ReplayError> {
        key::apply_parked(self, find(name)?.as_ref(), key).await
    }

    /// All read models, one after the other.
    pub async fn all(&self) -> Result<Vec<Replayed>, ReplayError> {
        let mut done = Vec::new();
        let all = crate::registry().into_iter();
        for projection in all.filter(|one| one.home().replays()) {
            done.push(shadow::replay(self, projection.as_ref()).await?);
        }
        Ok(done)
    }
}

/// Refuses to put rows of this version into tables of another.
async fn ensure_shape(
    rows: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<(), ReplayError> {
    match has_known_shape(rows, projection).await? {
        true => Ok(()),
        false => Err(ReplayError::OtherShape(projection.name().to_owned())),
    }
}

fn find(name: &str) -> Result<Arc<dyn Projection>, ReplayError> {
    let all = crate::registry();
    let names: Vec<_> = all.iter().map(|projection| projection.name()).collect();
    let names = names.join(", ");
    all.into_iter()
        .find(|projection| projection.name() == name)
        .ok_or_else(|| ReplayError::Unknown(name.to_owned(), names))
}

#[cfg(test)]
mod tests {
    use eventlog::embedded::{EmbeddedLog, Options};
    use sqlx::{Connection, Executor};

    use super::shadow::{Shadow, fold};
    use super::*;
    use crate::db::DbConfig;
    use crate::vault::MasterKey;

    #[tokio::test]
    async fn tables_that_were_made_anew_meanwhile_are_not_exchanged() {
        let Some(database) = testkit::postgres().await else {
            return;
        };
        let config = DbConfig::new(&database.url);
        crate::migrate(&config).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let replay = Replay {
            log: EmbeddedLog::open(Options::new(folder.path())).unwrap(),
            db: Db::connect(&config).unwrap(),
            people: SubjectKeys::new(MasterKey::generate()),
            settings: Settings::default(),
        };
        let projection = find("incidents").unwrap();
        let shadow = Shadow::create(&replay, projection.as_ref()).await.unwrap();
        let mut other = PgConnection::connect(&database.url).await.unwrap();
        other
            .execute("UPDATE read.projection SET definition = 'of another version'")
            .await
            .unwrap();
        let refused = fold(shadow).await.unwrap_err();
        assert!(matches!(refused, ReplayError::OtherShape(_)), "{refused}");
    }
}
