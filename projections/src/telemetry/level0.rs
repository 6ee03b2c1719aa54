//! Level 0: what one flush of the log brought, a row per project and section, in
//! the transaction of the checkpoint. Compaction reads it once and then drops
//! ten-minute partitions whole. Row-level security holds for it because no two
//! projects share a row (ADR 0012).

use schemas::ids::{ProjectId, TenantId};
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, PgConnection};

const SLOT_MICROS: i64 = 600_000_000;

/// One row of `<signal>_l0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) tenant: TenantId,
    pub(crate) project: ProjectId,
    pub(crate) partition: i32,
    /// Log positions of the bodies in it, the end not included.
    pub(crate) from_offset: i64,
    pub(crate) to_offset: i64,
    /// Tells sections of one project and flush apart.
    pub(crate) section: i32,
    /// Of the items, in days since 1970.
    pub(crate) day: i32,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) items: i32,
    pub(crate) data: Vec<u8>,
}

/// The beginning of the ten minutes that hold `at`.
pub(crate) fn slot_of(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros().div_euclid(SLOT_MICROS) * SLOT_MICROS)
}

/// `WITH fresh (partition, next_offset)`: from where on level 0 of project $2 of tenant
/// $1 is not compacted yet, for queries; see [`since`].
pub(crate) fn fresh(signal: &'static str) -> String {
    since(
        signal,
        &format!(
            "SELECT partition, next_offset FROM telemetry.compacted
             WHERE tenant_id = $1 AND project_id = $2 AND signal = '{signal}'"
        ),
    )
}

/// `WITH fresh (partition, next_offset)`: what `known` says of partitions, and the
/// beginning of those that it does not name; rows have a checkpoint from the first on.
///
/// Rows are to be joined by `CROSS JOIN LATERAL (SELECT ... OFFSET 0)`, with `fresh` in
/// it: then each partition's rows are looked up by the index from `next_offset` on. A
/// plain join is planned for one row of a project and reads all that it has.
pub(crate) fn since(signal: &'static str, known: &str) -> String {
    format!(
        "WITH fresh AS MATERIALIZED (
             SELECT partition, max(next_offset) AS next_offset FROM (
                 SELECT partition, 0::bigint AS next_offset FROM telemetry.checkpoint
                 WHERE projection = '{signal}'
                 UNION ALL {known}) AS known (partition, next_offset)
             GROUP BY partition)"
    )
}

/// Writes the sections of a flush that arrived at `at` into `<signal>_l0`.
pub(crate) async fn insert(
    rows: &mut PgConnection,
    signal: &'static str,
    at: Timestamp,
    sections: Vec<Section>,
) -> Result<(), sqlx::Error> {
    if sections.is_empty() {
        return Ok(());
    }
    let slot = slot_of(at).datetime();
    sqlx::query("SELECT ensure_slot($1, $2)")
        .bind(format!("{signal}_l0"))
        .bind(slot)
        .execute(&mut *rows)
        .await?;
    let sql = format!(
        "INSERT INTO {signal}_l0 (slot, tenant_id, project_id, partition, from_offset,
             to_offset, section, day, min_time, max_time, items, data)
         SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::bigint[], $6::bigint[],
             $7::int[], $8::int[], $9::bigint[], $10::bigint[], $11::int[], $12::bytea[])"
    );
    let column = |of: fn(&Section) -> i64| sections.iter().map(of).collect::<Vec<_>>();
    let narrow = |of: fn(&Section) -> i32| sections.iter().map(of).collect::<Vec<_>>();
    sqlx::query(AssertSqlSafe(sql))
        .bind(slot)
        .bind(sections.iter().map(|s| s.tenant.0).collect::<Vec<_>>())
        .bind(sections.iter().map(|s| s.project.0).collect::<Vec<_>>())
        .bind(narrow(|s| s.partition))
        .bind(column(|s| s.from_offset))
        .bind(column(|s| s.to_offset))
        .bind(narrow(|s| s.section))
        .bind(narrow(|s| s.day))
        .bind(column(|s| s.min_time))
        .bind(column(|s| s.max_time))
        .bind(narrow(|s| s.items))
        .bind(sections.iter().map(|s| &s.data[..]).collect::<Vec<_>>())
        .execute(rows)
        .await
        .map(drop)
}
