//! The API keys of the whole installation in memory, and what tenants may send: a fold
//! of `identity.keys`, so that ingest needs the log and nothing else.
//!
//! [`Keyring::open`] begins from a snapshot file where there is one;
//! [`Keyring::follow`] reads the topic on. The ring answers once it has reached the
//! end that the log had at start, and counts as [`Keyring::fresh`] while the log's
//! end was confirmed within the last five seconds: a ring that cannot see new
//! revocations must not let anybody in for long.

mod archived;
mod ring;
mod snapshot;

use std::path::PathBuf;
use std::time::Duration;

use eventlog::{Fetched, Log, LogError, Position, Visibility};
use parking_lot::{Mutex, RwLock};
use schemas::ids::{ApiKeyId, TenantId};
use schemas::scope::{Actor, Scope};
use schemas::telemetry_limits::TelemetryLimitsSet;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api_key;
use crate::denied::Denied;
use crate::permissions::KeyScope;
use crate::principal::{Grant, Principal};
use ring::{Key, Ring};
pub use snapshot::SnapshotError;

const TOPIC: Topic = Topic::IdentityKeys;
const FRESH_FOR: Duration = Duration::from_secs(5);
const CONFIRM_EVERY: Duration = Duration::from_secs(1);
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);
const RETRY_AFTER: Duration = Duration::from_millis(200);
const FETCH_BYTES: usize = 1 << 20;

/// How often a use of one key is noted, in milliseconds.
const NOTE_EVERY_MS: i64 = 60_000;

/// All API keys.
pub struct Keyring {
    ring: RwLock<Ring>,
    snapshot: Option<PathBuf>,
    /// Where the log ended at start; reached = ready.
    target: Vec<Position>,
    confirmed: Mutex<Option<Instant>>,
}

/// Why the keyring could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The partition stops here, and with it the keyring: skipping a revocation
    /// would let a stolen key in.
    #[error("{position}: {detail}")]
    Unreadable { position: Position, detail: String },
}

impl Keyring {
    /// Loads the snapshot and learns where the log ends now.
    pub async fn open(log: &Log, snapshot: Option<PathBuf>) -> Result<Self, KeyringError> {
        let ends = ends(log).await?;
        let ring = match &snapshot {
            Some(path) => snapshot::load(path, log.id(), &ends)?,
            None => Ring::default(),
        };
        Ok(Self {
            ring: RwLock::new(ring),
            snapshot,
            target: ends,
            confirmed: Mutex::new(None),
        })
    }

    /// Whether everything is known that was in the log at start.
    pub fn ready(&self) -> bool {
        self.ring.read().reached(&self.target)
    }

    /// Whether the ring is ready and the log's end was seen lately.
    pub fn fresh(&self) -> bool {
        let confirmed = *self.confirmed.lock();
        self.ready() && confirmed.is_some_and(|at| at.elapsed() < FRESH_FOR)
    }

    /// The caller who holds the key `text`.
    pub fn admit(&self, text: &str, now: Timestamp) -> Result<Principal, Denied> {
        if !api_key::well_formed(text) {
            return Err(Denied::UnknownKey);
        }
        let ring = self.ring.read();
        let key = ring
            .by_hash(&api_key::hash(text))
            .ok_or(Denied::UnknownKey)?;
        still_good(&ring, key, now)?;
        let grant = Grant::Key {
            id: key.id,
            scopes: key.scopes(),
        };
        Ok(Principal::new(
            key.tenant,
            key.project,
            grant,
            key.expires_at,
        ))
    }

    /// Whose key `text` is, also where it is no longer good: its tenant may be told of
    /// a try, the caller never.
    pub fn owner(&self, text: &str) -> Option<Scope> {
        let ring = self.ring.read();
        let key = ring.by_hash(&api_key::hash(text))?;
        Some(Scope::granted(
            key.tenant,
            key.project,
            Actor::ApiKey(key.id),
        ))
    }

    /// The telemetry limits that `tenant` has of its own.
    pub fn telemetry_limits(&self, tenant: TenantId) -> Option<TelemetryLimitsSet> {
        self.ring.read().limits(tenant).cloned()
    }

    /// Whether all keys of `tenant` have ended.
    pub fn has_ended(&self, tenant: TenantId) -> bool {
        self.ring.read().has_ended(tenant)
    }

    /// A key that was admitted before, and granted `scopes`, once more.
    pub fn readmit(
        &self,
        key: ApiKeyId,
        scopes: &[KeyScope],
        now: Timestamp,
    ) -> Result<(), Denied> {
        let ring = self.ring.read();
        let key = ring.by_id(key).ok_or(Denied::UnknownKey)?;
        still_good(&ring, key, now)?;
        match key.scopes() == scopes {
            true => Ok(()),
            false => Err(Denied::KeyChanged),
        }
    }

    /// Whether this use of a key is the first within a minute, and so to be noted.
    pub fn note_use(&self, key: ApiKeyId, now: Timestamp) -> bool {
        self.ring.write().note_use(key, now, NOTE_EVERY_MS)
    }

    /// Follows the log until `shutdown`; writes a snapshot once a minute and at the
    /// end. Passing trouble of the log is waited out.
    pub async fn follow(&self, log: &Log, shutdown: CancellationToken) -> Result<(), KeyringError> {
        loop {
            match self.follow_once(log, &shutdown).await {
                Err(KeyringError::Log(LogError::Unavailable(why))) => {
                    tracing::warn!(%why, "keyring: the log is away");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(other) => return Err(other),
                Ok(()) => return self.save(log),
            }
            if shutdown.is_cancelled() {
                return self.save(log);
            }
        }
    }

    async fn follow_once(
        &self,
        log: &Log,
        shutdown: &CancellationToken,
    ) -> Result<(), KeyringError> {
        let from = self.ring.read().positions();
        let mut records = log.subscribe(from, Visibility::Durable).await?;
        let mut confirm = tokio::time::interval(CONFIRM_EVERY);
        let mut save = tokio::time::interval(SNAPSHOT_EVERY);
        save.reset();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                fetched = records.next(FETCH_BYTES) => {
                    self.apply(&fetched?)?;
                    // What waits for a key it has just made should not wait a second.
                    self.confirm(log).await?;
                }
                _ = confirm.tick() => self.confirm(log).await?,
                _ = save.tick() => self.save(log)?,
            }
        }
    }

    fn apply(&self, fetched: &[Fetched]) -> Result<(), KeyringError> {
        let mut ring = self.ring.write();
        for part in fetched {
            for record in &part.records {
                ring.apply(record)
                    .map_err(|detail| KeyringError::Unreadable {
                        position: record.position,
                        detail,
                    })?;
            }
            ring.advance(part.partition, part.next_offset);
        }
        metrics::gauge!("access_keyring_keys").set(ring.len() as f64);
        Ok(())
    }

    /// Notes the time if nothing lies between the ring and the log's end.
    async fn confirm(&self, log: &Log) -> Result<(), KeyringError> {
        let asked = Instant::now();
        let ends = ends(log).await?;
        if self.ring.read().reached(&ends) {
            *self.confirmed.lock() = Some(asked);
        }
        Ok(())
    }

    fn save(&self, log: &Log) -> Result<(), KeyringError> {
        if let Some(path) = &self.snapshot {
            let ring = self.ring.read().clone();
            snapshot::save(path, log.id(), &ring)?;
        }
        Ok(())
    }
}

fn still_good(ring: &Ring, key: &Key, now: Timestamp) -> Result<(), Denied> {
    if ring.is_revoked(key) {
        return Err(Denied::KeyRevoked);
    }
    match key.expires_at.is_some_and(|at| at <= now) {
        true => Err(Denied::KeyExpired),
        false => Ok(()),
    }
}

/// The offset after the last durable record of each partition.
async fn ends(log: &Log) -> Result<Vec<Position>, LogError> {
    let all: Vec<_> = (0..TOPIC.partitions())
        .map(|partition| (TOPIC, partition))
        .collect();
    let ends = log.ends(&all).await?;
    let place = |((topic, partition), offset)| Position {
        topic,
        partition,
        offset,
    };
    Ok(ends.into_iter().map(place).collect())
}
