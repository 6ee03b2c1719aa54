//! What must never be in an immutable log, wrapped with the master key.
//!
//! Each secret has a data key of its own: `2 ‖ id of the master key ‖ nonce ‖ wrapped
//! data key ‖ nonce ‖ ciphertext`, AES-256-GCM-SIV (RFC 8452) both times, with the
//! associated data `tenant ‖ table ‖ row`, so that a ciphertext opens only in its own
//! row. (`1`, without an id, is how it was before master keys could be exchanged.)

mod canary;
pub mod credentials;
mod derivation;
pub mod erased_tenants;
pub mod mails;
mod master_key;
pub mod rotation;
mod sealed;
mod subject_keys;

use schemas::ids::SubjectId;
use schemas::personal::SubjectKey;

use crate::db::Db;

pub use canary::is_empty;
pub use derivation::root;
pub use master_key::{KeyId, MasterKey, Place};
pub use subject_keys::{OpenedKeys, SubjectKeys};

/// Why a secret could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault is not available: {0}")]
    Database(#[from] sqlx::Error),
    #[error(
        "the master key is not the one that this database's vault was begun with: \
         give the right key (SRE_COPILOT_MASTER_KEY_FILE)"
    )]
    WrongMasterKey,
    #[error("the vault holds secrets but its canary is gone: restore vault.canary from a backup")]
    CanaryGone,
    #[error("{0} does not open with the master key")]
    Damaged(String),
    #[error("a secret is wrapped with a master key that this process does not hold")]
    UnknownKey,
}

/// The vault of one deployment, opened with its master key.
#[derive(Debug, Clone)]
pub struct Vault {
    db: Db,
    master: MasterKey,
}

impl Vault {
    /// Checks the canary, or plants it in an empty vault. While the master key is
    /// exchanged, either of the two opens it, and both are held afterwards.
    pub async fn open(db: &Db, master: MasterKey) -> Result<Self, VaultError> {
        rotation::join(db, &master).await?;
        canary::check(db.writer(), &master).await?;
        Ok(Self {
            db: db.clone(),
            master,
        })
    }

    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// What folds open personal values with.
    pub fn subject_keys(&self) -> SubjectKeys {
        SubjectKeys::new(self.master.clone())
    }

    /// The key of a person, made at first use; two callers get the same one.
    pub async fn create_subject_key(
        &self,
        subject: SubjectId,
        now: schemas::time::Timestamp,
    ) -> Result<SubjectKey, VaultError> {
        let mut connection = self.db.writer().acquire().await?;
        self.subject_keys()
            .create(&mut connection, subject, now)
            .await
    }

    /// Makes everything about a person unreadable, in the log and its copies, and
    /// in the read models at their next replay.
    pub async fn erase(&self, subject: SubjectId) -> Result<bool, VaultError> {
        let gone = sqlx::query("DELETE FROM vault.subject_keys WHERE subject = $1")
            .bind(subject.0)
            .execute(self.db.writer())
            .await?
            .rows_affected();
        Ok(gone > 0)
    }
}
