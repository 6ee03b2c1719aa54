//! `vault.sessions`: what the holder of a session sees of it. The refresh tokens of
//! the same family carry it on.

use chrono::{DateTime, Utc};
use projections::Db;
use schemas::ids::{TenantId, UserId};
use schemas::time::Timestamp;
use uuid::Uuid;

use super::refresh_tokens::{Holder, LIFETIME_S};
use crate::client::Client;
use crate::error::Error;

/// As many as a person is shown; those seen last come first.
const SHOWN: i64 = 200;

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Session {
    pub id: Uuid,
    pub device: String,
    pub address: String,
    pub created_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

/// Somebody has just proven who they are.
pub async fn begin(db: &Db, holder: &Holder, client: &Client, now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO vault.sessions
            (id, user_id, tenant_id, device, address, created_at, seen_at, proven_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6) ON CONFLICT (id) DO NOTHING",
    )
    .bind(holder.family)
    .bind(holder.user.0)
    .bind(holder.tenant.0)
    .bind(&client.device)
    .bind(&client.address)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

/// The session was carried on, maybe from elsewhere.
pub async fn seen(db: &Db, holder: &Holder, client: &Client, now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "UPDATE vault.sessions SET tenant_id = $2, device = $3, address = $4, seen_at = $5
         WHERE id = $1",
    )
    .bind(holder.family)
    .bind(holder.tenant.0)
    .bind(&client.device)
    .bind(&client.address)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

/// The holder has proven again who they are.
pub async fn proven(db: &Db, id: Uuid, now: Timestamp) -> Result<(), Error> {
    sqlx::query("UPDATE vault.sessions SET proven_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now.datetime())
        .execute(db.writer())
        .await?;
    Ok(())
}

/// When the holder signed in, unless the session was ended.
pub async fn began_at(db: &Db, id: Uuid) -> Result<Option<Timestamp>, Error> {
    let at: Option<DateTime<Utc>> = sqlx::query_scalar(
        "SELECT created_at FROM vault.sessions WHERE id = $1 AND ended_at IS NULL",
    )
    .bind(id)
    .fetch_optional(db.writer())
    .await?;
    Ok(at.map(Timestamp::from))
}

/// When the holder last proved who they are.
pub async fn proven_at(db: &Db, id: Uuid) -> Result<Option<Timestamp>, Error> {
    let at: Option<DateTime<Utc>> = sqlx::query_scalar(
        "SELECT proven_at FROM vault.sessions WHERE id = $1 AND ended_at IS NULL",
    )
    .bind(id)
    .fetch_optional(db.writer())
    .await?;
    Ok(at.map(Timestamp::from))
}

/// The sessions of a person that go on, seen last first: those that began after `since`.
pub async fn list(
    db: &Db,
    user: UserId,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Session>, Error> {
    let found = sqlx::query_as(
        "SELECT id, device, address, created_at, seen_at FROM vault.sessions
         WHERE user_id = $1 AND ended_at IS NULL AND seen_at > $2 AND created_at > $4
         ORDER BY seen_at DESC, id LIMIT $3",
    )
    .bind(user.0)
    .bind(now.plus_millis(-LIFETIME_S * 1_000).datetime())
    .bind(SHOWN)
    .bind(since.datetime())
    .fetch_all(db.writer())
    .await?;
    Ok(found)
}

/// Whether `id` is a session of `user` that goes on.
pub async fn is_of(db: &Db, user: UserId, id: Uuid) -> Result<bool, Error> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM vault.sessions
         WHERE id = $1 AND user_id = $2 AND ended_at IS NULL)",
    )
    .bind(id)
    .bind(user.0)
    .fetch_one(db.writer())
    .await?;
    Ok(found)
}

/// Ends some and forgets from where they were used.
pub async fn end(db: &Db, ids: &[Uuid], now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "UPDATE vault.sessions SET ended_at = $2, device = '', address = ''
         WHERE id = ANY ($1) AND ended_at IS NULL",
    )
    .bind(ids)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

/// The sessions of a person, of one tenant if that is what they lose.
pub async fn of_user(db: &Db, user: UserId, tenant: Option<TenantId>) -> Result<Vec<Uuid>, Error> {
    let found = sqlx::query_scalar(
        "SELECT id FROM vault.sessions
         WHERE user_id = $1 AND ended_at IS NULL AND ($2::uuid IS NULL OR tenant_id = $2)",
    )
    .bind(user.0)
    .bind(tenant.map(|tenant| tenant.0))
    .fetch_all(db.writer())
    .await?;
    Ok(found)
}

/// Removes what no refresh token can carry on.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query("DELETE FROM vault.sessions WHERE seen_at < $1")
        .bind(now.plus_millis(-LIFETIME_S * 1_000).datetime())
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected())
}
