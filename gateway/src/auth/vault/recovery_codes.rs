//! `vault.recovery_codes`: what stands in for a lost device, each good once. The
//! codes are random enough (80 bits) that SHA-256 keeps them.

use projections::Db;
use schemas::ids::UserId;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// New codes in the place of all older ones.
pub async fn replace(db: &Db, user: UserId, codes: &[String]) -> Result<(), Error> {
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| hash(code)).collect();
    let mut transaction = db.writer().begin().await?;
    sqlx::query("DELETE FROM vault.recovery_codes WHERE user_id = $1")
        .bind(user.0)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO vault.recovery_codes (user_id, hash) SELECT $1, unnest($2::bytea[])")
        .bind(user.0)
        .bind(hashes)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Uses one up; false where it is none.
pub async fn redeem(db: &Db, user: UserId, code: &str) -> Result<bool, Error> {
    let gone = sqlx::query("DELETE FROM vault.recovery_codes WHERE user_id = $1 AND hash = $2")
        .bind(user.0)
        .bind(hash(code))
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// How many are left.
pub async fn left(db: &Db, user: UserId) -> Result<i64, Error> {
    let count = sqlx::query_scalar("SELECT count(*) FROM vault.recovery_codes WHERE user_id = $1")
        .bind(user.0)
        .fetch_one(db.writer())
        .await?;
    Ok(count)
}

/// Upper and lower case, blanks and hyphens do not matter when somebody types one.
fn hash(code: &str) -> Vec<u8> {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    Sha256::digest(plain.to_ascii_lowercase().as_bytes()).to_vec()
}
