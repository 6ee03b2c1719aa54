//! Exchanging the master key while everything goes on.
//!
//! `announced`: every process learns the new key, and still wraps with the old one.
//! `rewrapping`: all wrap with the new one; the data keys that lie under the old one are
//! wrapped anew in batches, each in its own transaction. `rewrapped`: nothing is under
//! the old one; each process sees to it that it would start with the new one. When all
//! do, the exchange is over and the old key is forgotten.
//!
//! Each step waits until every process that was heard of within [`HEARD_S`] has taken
//! the one before. Whoever finds the exchange in the database carries it on, so a crash
//! delays it and no more.

use std::sync::Arc;
use std::time::Duration;

use schemas::time::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::master_key::Key;
use super::sealed::{self, ALL};
use super::{KeyId, MasterKey, Place, VaultError, derivation};
use crate::db::Db;

/// How often a process looks what there is to do.
const BEAT: Duration = Duration::from_millis(500);
/// A process that was not heard of for so long has ended.
const HEARD_S: f64 = 30.0;
/// Between two tries where trying again at once would not help.
const PATIENCE: Duration = Duration::from_secs(10);
/// Whatever was wrapped before all processes changed over is stored after so long.
const SETTLED_S: f64 = 2.0;
/// One process at a time takes a step.
const LOCK: i64 = 0x5352_4543_524f_5441;

const TARGET: Place<'static> = Place {
    tenant: None,
    table: "rotation",
    row: "target",
};
const PREVIOUS: Place<'static> = Place {
    tenant: None,
    table: "rotation",
    row: "previous",
};

/// Where a process has its master key from.
pub trait KeyFile: Send + Sync {
    /// What a start would read now; None where it could not be read.
    fn starting(&self) -> Option<[u8; 32]>;
    /// The exchange has come so far that the next start should read `key`. Where the
    /// file is the operator's, it is the operator who sees to it.
    fn keep(&self, key: &[u8; 32]);
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Announced,
    Rewrapping,
    Rewrapped,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Rewrapping => "rewrapping",
            Self::Rewrapped => "rewrapped",
        }
    }

    fn parse(name: &str) -> Result<Self, VaultError> {
        [Self::Announced, Self::Rewrapping, Self::Rewrapped]
            .into_iter()
            .find(|phase| phase.name() == name)
            .ok_or_else(|| VaultError::Damaged(format!("rotation phase `{name}`")))
    }
}

/// Where an exchange stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub phase: Phase,
    /// Processes that have not taken the phase yet.
    pub waiting_for: Vec<String>,
}

/// Why an exchange did not begin.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("that is the master key already")]
    SameKey,
    #[error("another exchange of the master key is going on: let it end first")]
    AnotherGoesOn,
    #[error("this program does not know how to wrap {0} anew")]
    Unlisted(String),
}

impl From<sqlx::Error> for NotBegun {
    fn from(error: sqlx::Error) -> Self {
        Self::Vault(error.into())
    }
}

/// The part that one process takes in exchanges of the master key.
#[derive(Clone)]
pub struct Rotation {
    db: Db,
    master: MasterKey,
    file: Arc<dyn KeyFile>,
    instance: Uuid,
    name: String,
}

/// The exchange as it lies in the database.
struct Exchange {
    target: KeyId,
    target_sealed: Vec<u8>,
    previous_sealed: Vec<u8>,
    phase: Phase,
}

/// Whether there is something to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Nothing goes on.
    Idle,
    /// A step was taken; more may follow.
    Moved,
    /// Others have to do something first.
    Waiting,
}

/// Takes the keys of an exchange that is going on, for a process that starts.
pub(super) async fn join(db: &Db, master: &MasterKey) -> Result<(), VaultError> {
    let mut rows = db.writer().acquire().await?;
    match exchange(&mut rows).await? {
        // Neither key: the canary will say so.
        Some(exchange) => adopt(master, &exchange).or(Ok(())),
        None => Ok(()),
    }
}

impl Rotation {
    pub fn new(
        db: &Db,
        master: &MasterKey,
        file: Arc<dyn KeyFile>,
        instance: Uuid,
        name: &str,
    ) -> Self {
        Self {
            db: db.clone(),
            master: master.clone(),
            file,
            instance,
            name: name.to_owned(),
        }
    }

    /// Announces `next` as the new master key; the same one again goes on with it.
    pub async fn begin(&self, next: [u8; 32], now: Timestamp) -> Result<(), NotBegun> {
        // Made under the key that it may have to be, before that is another one.
        derivation::root(&self.db, &self.master).await?;
        let mut rows = self.db.writer().acquire().await?;
        if let Some(unlisted) = sealed::unlisted(&mut rows).await?.first() {
            return Err(NotBegun::Unlisted(unlisted.clone()));
        }
        let next = Key::new(next);
        if let Some(running) = exchange(&mut rows).await? {
            return match running.target == next.id {
                true => Ok(()),
                false => Err(NotBegun::AnotherGoesOn),
            };
        }
        let previous = self.master.writing();
        if previous.id == next.id {
            return Err(NotBegun::SameKey);
        }
        sqlx::query(
            "INSERT INTO vault.rotation
                (id, target, target_sealed, previous_sealed, phase, started_at)
             VALUES (1, $1, $2, $3, 'announced', $4)",
        )
        .bind(&next.id[..])
        .bind(previous.wrap(TARGET, next.bytes.as_slice())?)
        .bind(next.wrap(PREVIOUS, previous.bytes.as_slice())?)
        .bind(now.datetime())
        .execute(&mut *rows)
        .await?;
        Ok(())
    }

    /// Where the exchange stands; None where none is going on.
    pub async fn status(&self) -> Result<Option<Status>, VaultError> {
        let mut rows = self.db.writer().acquire().await?;
        let Some(exchange) = exchange(&mut rows).await? else {
            return Ok(None);
        };
        Ok(Some(Status {
            phase: exchange.phase,
            waiting_for: waiting_for(&mut rows, &exchange).await?,
        }))
    }

    /// Takes part until `stop`. Trouble with Postgres only delays it.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            let pause = match self.round().await {
                Ok(Round::Moved) => Duration::ZERO,
                Ok(Round::Idle | Round::Waiting) => BEAT,
                Err(VaultError::Database(error)) => {
                    tracing::debug!(%error, "the vault is asked again later");
                    BEAT
                }
                Err(error) => {
                    tracing::error!(%error, "the master key cannot be exchanged");
                    PATIENCE
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        // Nobody need wait for a process that has ended well.
        let gone = sqlx::query("DELETE FROM vault.key_holders WHERE instance = $1")
            .bind(self.instance)
            .execute(self.db.writer())
            .await;
        gone.map(drop)
            .unwrap_or_else(|error| tracing::debug!(%error, "not signed off"));
    }

    /// Says which keys this process has, takes those that it needs, and then the next
    /// step, where everybody is ready for it.
    pub async fn round(&self) -> Result<Round, VaultError> {
        let mut rows = self.db.writer().acquire().await?;
        // Before it looks: whoever moves on afterwards knows of this process.
        self.tell(&mut rows).await?;
        let Some(exchange) = exchange(&mut rows).await? else {
            self.settle(&mut rows).await?;
            return Ok(Round::Idle);
        };
        let before = self.state();
        adopt(&self.master, &exchange)?;
        if exchange.phase == Phase::Rewrapped
            && self.starting() != Some(exchange.target)
            && let Some(key) = self.master.key(&exchange.target)
        {
            self.file.keep(&key.bytes);
        }
        if before != self.state() {
            self.tell(&mut rows).await?;
        }
        drop(rows);
        self.advance(&exchange).await
    }

    fn state(&self) -> (Vec<KeyId>, Option<KeyId>) {
        (self.master.ids(), self.starting())
    }

    fn starting(&self) -> Option<KeyId> {
        self.file.starting().map(|bytes| Key::new(bytes).id)
    }

    async fn tell(&self, rows: &mut PgConnection) -> Result<(), VaultError> {
        let keys: Vec<Vec<u8>> = self.master.ids().iter().map(|id| id.to_vec()).collect();
        sqlx::query(
            "INSERT INTO vault.key_holders AS held (instance, name, keys, writing, starting)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (instance) DO UPDATE SET keys = excluded.keys,
                writing = excluded.writing, starting = excluded.starting,
                seen_at = clock_timestamp()",
        )
        .bind(self.instance)
        .bind(&self.name)
        .bind(keys)
        .bind(self.master.id().to_vec())
        .bind(self.starting().map(|id| id.to_vec()))
        .execute(rows)
        .await?;
        Ok(())
    }

    /// No exchange is going on: the key that the canary lies under is the only one. A
    /// process that slept through an exchange finds that key where it would start with.
    async fn settle(&self, rows: &mut PgConnection) -> Result<(), VaultError> {
        let canary: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT wrapped FROM vault.canary WHERE id = 1")
                .fetch_optional(rows)
                .await?;
        let lies_under = |id: &KeyId| {
            let mark = MasterKey::mark(id);
            canary
                .as_ref()
                .is_some_and(|canary| canary.starts_with(&mark))
        };
        if let Some(id) = self.master.ids().iter().find(|id| lies_under(id)) {
            self.master.write_with(id);
            self.master.forget_other();
            return Ok(());
        }
        let found = self.file.starting().map(Key::new);
        if let Some(key) = found.filter(|key| lies_under(&key.id)) {
            let id = key.id;
            self.master.learn(key);
            self.master.write_with(&id);
            self.master.forget_other();
        }
        Ok(())
    }

    async fn advance(&self, exchange: &Exchange) -> Result<Round, VaultError> {
        let mut tx = self.db.writer().begin().await?;
        let mine: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *tx)
            .await?;
        let moved = mine
            && waiting_for(&mut tx, exchange).await?.is_empty()
            && self.step(&mut tx, exchange).await?;
        tx.commit().await?;
        Ok(match moved {
            true => Round::Moved,
            false => Round::Waiting,
        })
    }

    /// Everybody is ready. False where time has to pass first.
    async fn step(&self, tx: &mut PgConnection, exchange: &Exchange) -> Result<bool, VaultError> {
        match exchange.phase {
            Phase::Announced => enter(tx, exchange, Phase::Rewrapping).await?,
            Phase::Rewrapping => {
                if !self.rewrap_some(tx, exchange).await? {
                    enter(tx, exchange, Phase::Rewrapped).await?;
                }
            }
            Phase::Rewrapped => {
                if self.rewrap_some(tx, exchange).await? {
                    return Ok(true);
                }
                return end(tx, exchange).await;
            }
        }
        Ok(true)
    }

    /// Whether anything was or is under the old key.
    async fn rewrap_some(
        &self,
        tx: &mut PgConnection,
        exchange: &Exchange,
    ) -> Result<bool, VaultError> {
        for column in &ALL {
            if column.rewrap_some(tx, &self.master).await? > 0
                || column.is_left(tx, &exchange.target).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

async fn exchange(rows: &mut PgConnection) -> Result<Option<Exchange>, VaultError> {
    let row = sqlx::query(
        "SELECT target, target_sealed, previous_sealed, phase FROM vault.rotation WHERE id = 1",
    )
    .fetch_optional(rows)
    .await?;
    row.map(|row| read(&row)).transpose()
}

fn read(row: &PgRow) -> Result<Exchange, VaultError> {
    let target: Vec<u8> = row.try_get("target")?;
    Ok(Exchange {
        target: KeyId::try_from(target.as_slice())
            .map_err(|_| VaultError::Damaged("rotation row 1".to_owned()))?,
        target_sealed: row.try_get("target_sealed")?,
        previous_sealed: row.try_get("previous_sealed")?,
        phase: Phase::parse(row.try_get("phase")?)?,
    })
}

/// Holds both keys from now on, and wraps with the one that is due.
fn adopt(master: &MasterKey, exchange: &Exchange) -> Result<(), VaultError> {
    let is_target = master.id() == exchange.target;
    if !master.ids().contains(&exchange.target) {
        // What is left of an exchange that has just ended is of no use to this one.
        master.forget_other();
    }
    if master.ids().len() < 2 {
        let (place, sealed) = match is_target {
            true => (PREVIOUS, &exchange.previous_sealed),
            false => (TARGET, &exchange.target_sealed),
        };
        let bytes = master.unwrap(place, sealed)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice())
            .map_err(|_| VaultError::Damaged("rotation row 1".to_owned()))?;
        master.learn(Key::new(bytes));
    }
    if exchange.phase != Phase::Announced {
        master.write_with(&exchange.target);
    }
    Ok(())
}

/// Processes that are not ready to leave the phase.
async fn waiting_for(
    rows: &mut PgConnection,
    exchange: &Exchange,
) -> Result<Vec<String>, VaultError> {
    let ready = match exchange.phase {
        Phase::Announced => "$1 = ANY (keys)",
        Phase::Rewrapping => "writing = $1",
        Phase::Rewrapped => "writing = $1 AND starting IS NOT DISTINCT FROM $1",
    };
    let sql = format!(
        "SELECT name FROM vault.key_holders
         WHERE seen_at > clock_timestamp() - make_interval(secs => $2) AND NOT ({ready})
         ORDER BY name"
    );
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(exchange.target.to_vec())
        .bind(HEARD_S)
        .fetch_all(rows)
        .await?)
}

async fn enter(tx: &mut PgConnection, exchange: &Exchange, phase: Phase) -> Result<(), VaultError> {
    tracing::info!(phase = phase.name(), "the master key is being exchanged");
    sqlx::query(
        "UPDATE vault.rotation SET phase = $2, changed_at = clock_timestamp()
         WHERE id = 1 AND phase = $1",
    )
    .bind(exchange.phase.name())
    .bind(phase.name())
    .execute(tx)
    .await?;
    Ok(())
}

/// False where what was wrapped a moment ago may not be stored yet.
async fn end(tx: &mut PgConnection, exchange: &Exchange) -> Result<bool, VaultError> {
    let ended = sqlx::query(
        "DELETE FROM vault.rotation WHERE id = 1 AND target = $1
           AND changed_at < clock_timestamp() - make_interval(secs => $2)",
    )
    .bind(&exchange.target[..])
    .bind(SETTLED_S)
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    // Rows of processes that ended long ago have nobody who deletes them.
    sqlx::query(
        "DELETE FROM vault.key_holders WHERE seen_at < clock_timestamp() - interval '1 day'",
    )
    .execute(tx)
    .await?;
    tracing::info!("the master key is exchanged; the old one opens nothing any more");
    Ok(true)
}
