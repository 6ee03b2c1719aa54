//! Whether a projection's tables have the shape that this program knows. A process of another
//! version makes them anew when it starts, also beside one that has them open.

use sqlx::PgConnection;

use super::{Home, Projection};

/// Ask it once the generation is known, or locked, under which rows will be committed: whoever
/// makes the tables anew begins another one.
pub(crate) async fn has_known_shape(
    rows: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<bool, sqlx::Error> {
    let Home::Read { ddl } = projection.home() else {
        // Made by migrations, whose version a start compares.
        return Ok(true);
    };
    // The live one's, also for a replay, whose schema has such a table too.
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM read.projection WHERE name = $1 AND definition = $2)",
    )
    .bind(projection.name())
    .bind(ddl)
    .fetch_one(rows)
    .await
}
