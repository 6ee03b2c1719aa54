//! `vault.refresh_tokens`: opaque tokens by SHA-256. Using one gives its successor;
//! using it again later means that two hold it, and ends the whole family (OAuth 2.0
//! Security BCP, RFC 9700 section 4.14.2).

use access::token::Subject;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use projections::Db;
use projections::vault::{MasterKey, Place};
use schemas::context::random_bytes;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::time::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::Error;

/// How long a token can be used, in seconds.
pub const LIFETIME_S: i64 = 7 * 86_400;
/// Tabs that refresh at the same moment get the same successor.
const GRACE_MS: i64 = 10_000;
const TABLE: &str = "refresh_tokens";

type Hash = [u8; 32];

/// Whose session a token carries on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub user: UserId,
    pub tenant: TenantId,
    pub project: ProjectId,
    pub family: Uuid,
}

impl From<&Subject> for Holder {
    fn from(subject: &Subject) -> Self {
        Self {
            user: subject.user,
            tenant: subject.tenant,
            project: subject.project,
            family: subject.session,
        }
    }
}

/// What using a token gave.
pub enum Rotated {
    /// The next token; for all who used the same one at the same moment.
    To(Zeroizing<String>),
    /// The token was used before, so that two hold it; the family is over.
    Stolen,
}

/// A row of the table.
struct Token {
    holder: Holder,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
    revoked: bool,
    successor: Option<(Vec<u8>, Vec<u8>)>,
}

/// What may be done with a token that was presented.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Rotate,
    /// Another tab was first, a moment ago.
    Repeat,
    /// Used before: somebody else holds it.
    Stolen,
    Over(&'static str),
}

/// Begins a family and returns its first token.
pub async fn begin(db: &Db, holder: &Holder, now: Timestamp) -> Result<Zeroizing<String>, Error> {
    let mut connection = db.writer().acquire().await?;
    insert(&mut connection, holder, now).await
}

/// Who holds `text`, without using it.
pub async fn holder(db: &Db, text: &str) -> Result<Option<Holder>, Error> {
    let mut connection = db.writer().acquire().await?;
    let found = select(&mut connection, &hash(text), "").await?;
    Ok(found.map(|token| token.holder))
}

/// The same, unless the session is over.
pub async fn going_on(db: &Db, text: &str, now: Timestamp) -> Result<Holder, Error> {
    let mut connection = db.writer().acquire().await?;
    let found = select(&mut connection, &hash(text), "").await?;
    let token = found.ok_or(Error::SessionOver("the refresh token is not known"))?;
    match verdict(&token, now) {
        Verdict::Over(why) => Err(Error::SessionOver(why)),
        _ => Ok(token.holder),
    }
}

/// Uses `text` up and returns its successor, which is for `place`.
pub async fn rotate(
    db: &Db,
    master: &MasterKey,
    text: &str,
    place: (TenantId, ProjectId),
    now: Timestamp,
) -> Result<Rotated, Error> {
    let hash = hash(text);
    let mut transaction = db.writer().begin().await?;
    let found = select(&mut transaction, &hash, "FOR UPDATE").await?;
    let mut token = found.ok_or(Error::SessionOver("the refresh token is not known"))?;
    match verdict(&token, now) {
        Verdict::Over(why) => Err(Error::SessionOver(why)),
        Verdict::Repeat => Ok(Rotated::To(repeated(master, &token)?)),
        Verdict::Stolen => {
            revoke(&mut transaction, &[token.holder.family], now).await?;
            transaction.commit().await?;
            metrics::counter!("gateway_refresh_reused_total").increment(1);
            Ok(Rotated::Stolen)
        }
        Verdict::Rotate => {
            (token.holder.tenant, token.holder.project) = place;
            let successor = insert(&mut transaction, &token.holder, now).await?;
            mark_used(&mut transaction, master, &hash, &successor, now).await?;
            transaction.commit().await?;
            Ok(Rotated::To(successor))
        }
    }
}

/// Ends sessions: their refresh tokens are good for nothing more.
pub async fn end_families(db: &Db, families: &[Uuid], now: Timestamp) -> Result<(), Error> {
    let mut connection = db.writer().acquire().await?;
    revoke(&mut connection, families, now).await
}

/// Removes what has expired.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query("DELETE FROM vault.refresh_tokens WHERE expires_at < $1")
        .bind(now.datetime())
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected())
}

fn verdict(token: &Token, now: Timestamp) -> Verdict {
    if token.revoked {
        return Verdict::Over("the session was ended");
    }
    if token.expires_at <= now {
        return Verdict::Over("the refresh token has expired");
    }
    match token.used_at {
        None => Verdict::Rotate,
        Some(at) if now.millis_since(at) <= GRACE_MS => Verdict::Repeat,
        Some(_) => Verdict::Stolen,
    }
}

async fn select(
    rows: &mut PgConnection,
    hash: &Hash,
    lock: &'static str,
) -> Result<Option<Token>, Error> {
    let columns = "SELECT family, user_id, tenant_id, project_id, expires_at, used_at,
                revoked_at, successor, successor_wrapped
         FROM vault.refresh_tokens WHERE hash = $1";
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("{columns} {lock}")))
        .bind(&hash[..])
        .fetch_optional(rows)
        .await?;
    Ok(row.map(|row| token(&row)).transpose()?)
}

fn token(row: &PgRow) -> Result<Token, sqlx::Error> {
    let time = |name| -> Result<Option<Timestamp>, sqlx::Error> {
        let time: Option<DateTime<Utc>> = row.try_get(name)?;
        Ok(time.map(Timestamp::from))
    };
    let successor: Option<Vec<u8>> = row.try_get("successor")?;
    let wrapped: Option<Vec<u8>> = row.try_get("successor_wrapped")?;
    Ok(Token {
        holder: Holder {
            user: UserId(row.try_get("user_id")?),
            tenant: TenantId(row.try_get("tenant_id")?),
            project: ProjectId(row.try_get("project_id")?),
            family: row.try_get("family")?,
        },
        expires_at: time("expires_at")?.unwrap_or_default(),
        used_at: time("used_at")?,
        revoked: time("revoked_at")?.is_some(),
        successor: successor.zip(wrapped),
    })
}

async fn insert(
    rows: &mut PgConnection,
    holder: &Holder,
    now: Timestamp,
) -> Result<Zeroizing<String>, Error> {
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>()));
    sqlx::query(
        "INSERT INTO vault.refresh_tokens
            (hash, family, user_id, tenant_id, project_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&hash(&text)[..])
    .bind(holder.family)
    .bind(holder.user.0)
    .bind(holder.tenant.0)
    .bind(holder.project.0)
    .bind(now.datetime())
    .bind(now.plus_millis(LIFETIME_S * 1000).datetime())
    .execute(rows)
    .await?;
    Ok(text)
}

async fn mark_used(
    rows: &mut PgConnection,
    master: &MasterKey,
    used: &Hash,
    successor: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let next = hash(successor);
    let wrapped = master
        .wrap(place(&hex::encode(next)), successor.as_bytes())
        .map_err(|e| Error::Internal(e.to_string()))?;
    sqlx::query(
        "UPDATE vault.refresh_tokens SET used_at = $2, successor = $3, successor_wrapped = $4
         WHERE hash = $1",
    )
    .bind(&used[..])
    .bind(now.datetime())
    .bind(&next[..])
    .bind(wrapped)
    .execute(rows)
    .await?;
    Ok(())
}

async fn revoke(rows: &mut PgConnection, families: &[Uuid], now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "UPDATE vault.refresh_tokens SET revoked_at = $2
         WHERE family = ANY ($1) AND revoked_at IS NULL",
    )
    .bind(families)
    .bind(now.datetime())
    .execute(rows)
    .await?;
    Ok(())
}

fn repeated(master: &MasterKey, token: &Token) -> Result<Zeroizing<String>, Error> {
    let damaged = || Error::Internal("a used refresh token has no successor".to_owned());
    let (hash, wrapped) = token.successor.as_ref().ok_or_else(damaged)?;
    let text = master
        .unwrap(place(&hex::encode(hash)), wrapped)
        .map_err(|e| Error::Internal(e.to_string()))?;
    String::from_utf8(text.to_vec())
        .map(Zeroizing::new)
        .map_err(|_| damaged())
}

fn place(row: &str) -> Place<'_> {
    Place {
        tenant: None,
        table: TABLE,
        row,
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(used_at: Option<i64>, revoked: bool) -> Token {
        Token {
            holder: Holder {
                user: UserId(Uuid::nil()),
                tenant: TenantId(Uuid::nil()),
                project: ProjectId(Uuid::nil()),
                family: Uuid::nil(),
            },
            expires_at: Timestamp::from_micros(0).plus_millis(100_000),
            used_at: used_at.map(|ms| Timestamp::from_micros(ms * 1000)),
            revoked,
            successor: None,
        }
    }

    #[test]
    fn a_token_is_used_once_and_repeated_for_ten_seconds() {
        let at = |ms: i64| Timestamp::from_micros(ms * 1000);
        assert_eq!(verdict(&token(None, false), at(50_000)), Verdict::Rotate);
        assert_eq!(
            verdict(&token(Some(1_000), false), at(11_000)),
            Verdict::Repeat
        );
        assert_eq!(
            verdict(&token(Some(1_000), false), at(11_001)),
            Verdict::Stolen
        );
        assert!(matches!(
            verdict(&token(None, false), at(100_000)),
            Verdict::Over(_)
        ));
        assert!(matches!(
            verdict(&token(Some(1_000), true), at(1_001)),
            Verdict::Over(_)
        ));
    }
}
