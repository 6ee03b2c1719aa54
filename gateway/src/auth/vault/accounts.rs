//! What the vault has of accounts, in whichever table.

use projections::Db;
use schemas::ids::UserId;
use uuid::Uuid;

use crate::error::Error;

/// Those of `users` of whom there is something by which they could come in.
pub async fn left(db: &Db, users: &[UserId]) -> Result<Vec<UserId>, Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT user_id FROM vault.logins WHERE user_id = ANY ($1)
         UNION SELECT user_id FROM vault.totp WHERE user_id = ANY ($1)
         UNION SELECT user_id FROM vault.recovery_codes WHERE user_id = ANY ($1)
         UNION SELECT user_id FROM vault.sign_on_identities WHERE user_id = ANY ($1)
         UNION SELECT user_id FROM vault.sessions
               WHERE user_id = ANY ($1) AND ended_at IS NULL
         ORDER BY 1",
    )
    .bind(users.iter().map(|user| user.0).collect::<Vec<_>>())
    .fetch_all(db.writer())
    .await?;
    Ok(found.into_iter().map(UserId).collect())
}
