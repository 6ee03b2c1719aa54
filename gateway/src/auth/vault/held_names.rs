//! `vault.held_names`: names that somebody is giving at this moment. No aggregate knows
//! all names of a project, and the read model shows one only after the event that gives
//! it: until then the name is held here, for one command.

use projections::Db;
use schemas::ids::CommandId;
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::error::Error;

/// Longer than any command takes to be shown. What a crash leaves is free again then.
const HELD_MS: i64 = 60_000;

/// Holds `name` for `command`, or says that another command holds it. A retry of the same
/// command holds it on.
pub async fn hold(db: &Db, name: Uuid, command: CommandId, now: Timestamp) -> Result<bool, Error> {
    let held = sqlx::query(
        "INSERT INTO vault.held_names AS held (name, command_id, held_until) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE
            SET command_id = excluded.command_id, held_until = excluded.held_until
            WHERE held.command_id = excluded.command_id OR held.held_until <= $4",
    )
    .bind(name)
    .bind(command.0)
    .bind(now.plus_millis(HELD_MS).datetime())
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(held.rows_affected() == 1)
}

/// The command's outcome is shown, or there will be none.
pub async fn release(db: &Db, name: Uuid, command: CommandId) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.held_names WHERE name = $1 AND command_id = $2")
        .bind(name)
        .bind(command.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// Removes what has run out.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query("DELETE FROM vault.held_names WHERE held_until < $1")
        .bind(now.datetime())
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected())
}
