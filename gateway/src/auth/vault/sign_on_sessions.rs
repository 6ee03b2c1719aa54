//! `vault.sign_on_sessions`: sessions that a provider vouched for, by their refresh
//! family. A row stays as long as a refresh token of the family is there: without it
//! the session would be one of the whole account.

use chrono::{DateTime, Utc};
use projections::Db;
use projections::vault::{MasterKey, Place};
use schemas::ids::{TenantId, UserId};
use schemas::time::Timestamp;
use sqlx::Row;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::Error;

const TABLE: &str = "sign_on_sessions";
/// A session is begun a moment after its row.
const KEPT_MS: i64 = 86_400_000;

/// A session and what its provider is asked with.
pub struct Vouched {
    pub id: Uuid,
    pub tenant: TenantId,
    pub user: UserId,
    pub issuer: String,
    pub client_id: String,
    pub subject: [u8; 32],
    /// The session at the provider; None where it names none.
    pub provider_session: Option<[u8; 32]>,
    /// The provider's own refresh token; None where it gave none.
    pub refresh_token: Option<Zeroizing<String>>,
    pub checked_at: Timestamp,
}

pub async fn begin(db: &Db, master: &MasterKey, session: &Vouched) -> Result<(), Error> {
    let refresh_token = session.refresh_token.as_ref().map(|token| token.as_str());
    sqlx::query(
        "INSERT INTO vault.sign_on_sessions
            (id, tenant_id, user_id, issuer, client_id, subject, wrapped, checked_at,
             provider_session)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(session.id)
    .bind(session.tenant.0)
    .bind(session.user.0)
    .bind(&session.issuer)
    .bind(&session.client_id)
    .bind(&session.subject[..])
    .bind(wrap(master, session.tenant, session.id, refresh_token)?)
    .bind(session.checked_at.datetime())
    .bind(session.provider_session.as_ref().map(|sid| &sid[..]))
    .execute(db.writer())
    .await?;
    Ok(())
}

/// None for a session that was begun with a password.
pub async fn get(db: &Db, master: &MasterKey, id: Uuid) -> Result<Option<Vouched>, Error> {
    let row = sqlx::query(
        "SELECT tenant_id, user_id, issuer, client_id, subject, wrapped, checked_at,
                provider_session
         FROM vault.sign_on_sessions WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(db.writer())
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let tenant = TenantId(row.try_get("tenant_id")?);
    let subject: Vec<u8> = row.try_get("subject")?;
    let damaged = || Error::Internal(format!("sign_on_sessions row {id} is damaged"));
    let wrapped: Option<Vec<u8>> = row.try_get("wrapped")?;
    let checked_at: DateTime<Utc> = row.try_get("checked_at")?;
    let sid: Option<Vec<u8>> = row.try_get("provider_session")?;
    let sid = sid.map(|sid| sid.try_into().map_err(|_| damaged()));
    Ok(Some(Vouched {
        id,
        tenant,
        user: UserId(row.try_get("user_id")?),
        issuer: row.try_get("issuer")?,
        client_id: row.try_get("client_id")?,
        subject: subject.try_into().map_err(|_| damaged())?,
        provider_session: sid.transpose()?,
        refresh_token: unwrap(master, tenant, id, wrapped)?,
        checked_at: checked_at.into(),
    }))
}

/// The tenant that a session is confined to; None for one of the whole account.
pub async fn tenant_of(db: &Db, id: Uuid) -> Result<Option<TenantId>, Error> {
    let tenant: Option<Uuid> =
        sqlx::query_scalar("SELECT tenant_id FROM vault.sign_on_sessions WHERE id = $1")
            .bind(id)
            .fetch_optional(db.writer())
            .await?;
    Ok(tenant.map(TenantId))
}

/// The provider has vouched again.
pub async fn checked(
    db: &Db,
    master: &MasterKey,
    session: &Vouched,
    refresh_token: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query("UPDATE vault.sign_on_sessions SET wrapped = $2, checked_at = $3 WHERE id = $1")
        .bind(session.id)
        .bind(wrap(master, session.tenant, session.id, refresh_token)?)
        .bind(now.datetime())
        .execute(db.writer())
        .await?;
    Ok(())
}

/// What goes on in a tenant by its provider's word.
pub async fn of_tenant(db: &Db, tenant: TenantId) -> Result<Vec<Uuid>, Error> {
    let found = sqlx::query_scalar(
        "SELECT s.id FROM vault.sign_on_sessions s JOIN vault.sessions USING (id)
         WHERE s.tenant_id = $1 AND ended_at IS NULL",
    )
    .bind(tenant.0)
    .fetch_all(db.writer())
    .await?;
    Ok(found)
}

/// Which sessions a provider speaks of.
pub struct Open<'a> {
    pub tenant: TenantId,
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// None = whoever's it is.
    pub subject: Option<[u8; 32]>,
    /// None = all of the person's. Where it is not known from which one a session came,
    /// it is of the person's that might be it.
    pub provider_session: Option<[u8; 32]>,
    /// When it began at the latest.
    pub before: Timestamp,
}

/// Those that go on, and whose they are.
pub async fn open(db: &Db, wanted: &Open<'_>) -> Result<Vec<(Uuid, UserId)>, Error> {
    let found: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT s.id, s.user_id FROM vault.sign_on_sessions s JOIN vault.sessions v USING (id)
         WHERE s.tenant_id = $1 AND s.issuer = $2 AND s.client_id = $3
           AND ($4::bytea IS NULL OR s.subject = $4)
           AND ($5::bytea IS NULL OR s.provider_session = $5
                OR (s.provider_session IS NULL AND $4 IS NOT NULL))
           AND v.ended_at IS NULL AND v.created_at <= $6",
    )
    .bind(wanted.tenant.0)
    .bind(wanted.issuer)
    .bind(wanted.client_id)
    .bind(wanted.subject.as_ref().map(|subject| &subject[..]))
    .bind(wanted.provider_session.as_ref().map(|sid| &sid[..]))
    .bind(wanted.before.datetime())
    .fetch_all(db.writer())
    .await?;
    let found = found.into_iter();
    Ok(found.map(|(id, user)| (id, UserId(user))).collect())
}

/// The sessions are over; their provider is asked nothing more.
pub async fn end(db: &Db, ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query("UPDATE vault.sign_on_sessions SET wrapped = NULL WHERE id = ANY ($1)")
        .bind(ids)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// Removes what no refresh token can carry on.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query(
        "DELETE FROM vault.sign_on_sessions s WHERE checked_at < $1
           AND NOT EXISTS (SELECT FROM vault.refresh_tokens t WHERE t.family = s.id)",
    )
    .bind(now.plus_millis(-KEPT_MS).datetime())
    .execute(db.writer())
    .await?;
    Ok(gone.rows_affected())
}

fn wrap(
    master: &MasterKey,
    tenant: TenantId,
    id: Uuid,
    token: Option<&str>,
) -> Result<Option<Vec<u8>>, Error> {
    let wrap = |token: &str| master.wrap(place(tenant, &id.to_string()), token.as_bytes());
    token
        .map(wrap)
        .transpose()
        .map_err(|e| Error::Internal(e.to_string()))
}

fn unwrap(
    master: &MasterKey,
    tenant: TenantId,
    id: Uuid,
    wrapped: Option<Vec<u8>>,
) -> Result<Option<Zeroizing<String>>, Error> {
    let Some(wrapped) = wrapped else {
        return Ok(None);
    };
    let plain = master
        .unwrap(place(tenant, &id.to_string()), &wrapped)
        .map_err(|e| Error::Internal(e.to_string()))?;
    String::from_utf8(plain.to_vec())
        .map(|token| Some(Zeroizing::new(token)))
        .map_err(|e| Error::Internal(e.to_string()))
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant: Some(tenant),
        table: TABLE,
        row,
    }
}
