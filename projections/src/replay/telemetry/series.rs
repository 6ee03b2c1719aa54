//! Series that only the replay has found: their labels are added behind those that
//! are stored. The order of the others stays, because exemplars name series by it.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::ReplayError;
use crate::telemetry::compaction::CompactError;
use crate::telemetry::metrics::series_block::{self, SeriesBlock};

/// One project's day in a partition.
type Place = (Uuid, Uuid, i32, i32);

/// Adds what `schema` has more than the live tables.
pub(super) async fn add_missing(tx: &mut PgConnection, schema: &str) -> Result<(), ReplayError> {
    let sql = format!(
        "SELECT DISTINCT tenant_id, project_id, day, partition FROM {schema}.metric_series
         ORDER BY 1, 2, 3, 4"
    );
    let places: Vec<Place> = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(&mut *tx)
        .await?;
    for place in places {
        let mut known = BTreeSet::new();
        let (mut ordinals, mut missing) = (0, Vec::new());
        for (_, data) in blocks(tx, "telemetry", place).await? {
            let block = decode(&data)?;
            ordinals += block.len();
            known.extend(block.ids());
        }
        let mut from_offset = 0;
        for (from, data) in blocks(tx, schema, place).await? {
            let block = decode(&data)?;
            for at in 0..block.len() {
                let labels = block.labels(at);
                if known.insert(labels.id().0) {
                    missing.push(labels);
                    from_offset = from;
                }
            }
        }
        if !missing.is_empty() {
            let data = series_block::encode(&missing);
            add(tx, place, ordinals, missing.len(), from_offset, data).await?;
        }
    }
    Ok(())
}

fn decode(data: &[u8]) -> Result<SeriesBlock, ReplayError> {
    Ok(SeriesBlock::decode(data).map_err(CompactError::from)?)
}

async fn blocks(
    tx: &mut PgConnection,
    schema: &str,
    place: Place,
) -> Result<Vec<(i64, Vec<u8>)>, sqlx::Error> {
    let sql = format!(
        "SELECT from_offset, data FROM {schema}.metric_series
         WHERE tenant_id = $1 AND project_id = $2 AND day = $3 AND partition = $4
         ORDER BY first_ordinal"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(place.0)
        .bind(place.1)
        .bind(place.2)
        .bind(place.3)
        .fetch_all(tx)
        .await
}

async fn add(
    tx: &mut PgConnection,
    place: Place,
    first_ordinal: usize,
    series: usize,
    from_offset: i64,
    data: Vec<u8>,
) -> Result<(), sqlx::Error> {
    let narrow = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    sqlx::query(
        "INSERT INTO metric_series (tenant_id, project_id, day, partition, first_ordinal,
             series, from_offset, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(place.0)
    .bind(place.1)
    .bind(place.2)
    .bind(place.3)
    .bind(narrow(first_ordinal))
    .bind(narrow(series))
    .bind(from_offset)
    .bind(data)
    .execute(tx)
    .await
    .map(drop)
}
