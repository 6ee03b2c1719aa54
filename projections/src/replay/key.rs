//! Applying the parked records of one key, after a fix.

use sqlx::{Acquire, PgConnection};

use super::{Replay, ReplayError, ensure_shape};
use crate::runtime::{Projection, Writing, parked_of_key, remove};
use crate::vault::erased_tenants::Erased;

/// Applies what is parked of `key`, in order, and returns how many records that
/// were. What comes before a record that still fails stays applied.
pub(super) async fn apply_parked(
    replay: &Replay,
    projection: &dyn Projection,
    key: &[u8],
) -> Result<u64, ReplayError> {
    let mut rows = replay.db.fold_session(projection.home().schema()).await?;
    let mut tx = rows.begin().await?;
    hold_runner(&mut tx, projection.name()).await?;
    ensure_shape(&mut tx, projection).await?;
    let mut applied = 0;
    let mut failure = None;
    let mut parked = parked_of_key(&mut tx, projection.name(), key).await?;
    let erased = Erased::among(&mut tx, &parked).await?;
    parked.retain(|record| !erased.covers(record));
    for record in parked {
        let mut savepoint = tx.begin().await?;
        let mut writing = Writing {
            rows: &mut savepoint,
            people: &replay.people,
        };
        match projection
            .apply(&mut writing, std::slice::from_ref(&record))
            .await
        {
            Ok(_) => savepoint.commit().await?,
            Err(error) => {
                savepoint.rollback().await?;
                failure = Some(error);
                break;
            }
        }
        remove(&mut tx, projection.name(), record.position).await?;
        applied += 1;
    }
    tx.commit().await?;
    failure.map_or(Ok(applied), |error| Err(ReplayError::StillFails(error)))
}

/// The runner moves its checkpoints first, so it waits here and cannot park
/// another record of the key meanwhile.
async fn hold_runner(tx: &mut PgConnection, projection: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT 1 FROM checkpoint WHERE projection = $1 ORDER BY topic, partition FOR UPDATE",
    )
    .bind(projection)
    .execute(tx)
    .await
    .map(drop)
}
