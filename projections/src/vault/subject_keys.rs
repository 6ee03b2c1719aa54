//! One key per person. Folds fetch a batch's keys in one query and keep none of
//! them, so that an erased person is unreadable in every process at once.

use std::collections::HashMap;

use schemas::ids::SubjectId;
use schemas::personal::{ERASED, Personal, SubjectKey};
use schemas::time::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{MasterKey, Place, VaultError};
use crate::runtime::ApplyError;

/// Opens what `vault.subject_keys` holds.
#[derive(Debug, Clone)]
pub struct SubjectKeys {
    master: MasterKey,
}

/// The keys of some people; one that is missing was erased.
#[derive(Debug, Default)]
pub struct OpenedKeys(HashMap<SubjectId, SubjectKey>);

impl SubjectKeys {
    pub fn new(master: MasterKey) -> Self {
        Self { master }
    }

    pub async fn fetch(
        &self,
        rows: &mut PgConnection,
        subjects: &[SubjectId],
    ) -> Result<OpenedKeys, VaultError> {
        if subjects.is_empty() {
            return Ok(OpenedKeys::default());
        }
        let found: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(
            "SELECT subject, wrapped FROM vault.subject_keys WHERE subject = ANY ($1)",
        )
        .bind(subjects.iter().map(|subject| subject.0).collect::<Vec<_>>())
        .fetch_all(rows)
        .await?;
        let opened = found
            .into_iter()
            .map(|(subject, wrapped)| Ok((SubjectId(subject), self.open(subject, &wrapped)?)));
        Ok(OpenedKeys(opened.collect::<Result<_, VaultError>>()?))
    }

    /// The key of `subject`, made where there is none. For one that was forgotten it is kept
    /// nowhere: what is sealed with it opens to nobody, as what was sealed before does.
    pub async fn create(
        &self,
        rows: &mut PgConnection,
        subject: SubjectId,
        now: Timestamp,
    ) -> Result<SubjectKey, VaultError> {
        let row = subject.to_string();
        let fresh = SubjectKey::generate();
        sqlx::query(
            "INSERT INTO vault.subject_keys (subject, wrapped, created_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(subject.0)
        .bind(self.master.wrap(place(&row), fresh.bytes())?)
        .bind(now.datetime())
        .execute(&mut *rows)
        .await?;
        let mut opened = self.fetch(rows, &[subject]).await?;
        Ok(opened.0.remove(&subject).unwrap_or(fresh))
    }

    /// Makes everything sealed for `subject` unreadable: the key is gone.
    pub async fn forget(&self, db: &sqlx::PgPool, subject: SubjectId) -> Result<(), VaultError> {
        sqlx::query("DELETE FROM vault.subject_keys WHERE subject = $1")
            .bind(subject.0)
            .execute(db)
            .await?;
        Ok(())
    }

    fn open(&self, subject: Uuid, wrapped: &[u8]) -> Result<SubjectKey, VaultError> {
        let row = subject.to_string();
        let bytes = self.master.unwrap(place(&row), wrapped)?;
        <[u8; 32]>::try_from(bytes.as_slice())
            .map(SubjectKey::from_bytes)
            .map_err(|_| VaultError::Damaged(format!("subject_keys row {row}")))
    }
}

impl OpenedKeys {
    /// The value, or the placeholder where the person was erased.
    pub fn text(&self, value: &Personal<String>) -> Result<String, ApplyError> {
        match self.0.get(&value.subject()) {
            None => Ok(ERASED.to_owned()),
            Some(key) => value
                .open(key)
                .map_err(|e| ApplyError::Permanent(format!("personal value: {e}"))),
        }
    }
}

impl From<VaultError> for ApplyError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(error) => error.into(),
            // The key of one person is damaged; everybody else's are not.
            VaultError::Damaged(_) => Self::Permanent(error.to_string()),
            VaultError::WrongMasterKey | VaultError::CanaryGone | VaultError::UnknownKey => {
                Self::Transient(error.to_string())
            }
        }
    }
}

/// People belong to the platform, not to one tenant.
fn place(row: &str) -> Place<'_> {
    Place {
        tenant: None,
        table: "subject_keys",
        row,
    }
}

impl From<VaultError> for crate::db::QueryError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(error) => error.into(),
            other => Self::Failed(sqlx::Error::Decode(other.to_string().into())),
        }
    }
}
