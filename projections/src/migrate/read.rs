//! The tables of `read`: made from each projection's own file, protected by
//! row-level security, and made new where the file has changed.

use std::sync::Arc;

use sqlx::{Acquire, AssertSqlSafe, Executor, PgConnection};

use crate::runtime::{Home, Projection};

const RUNTIME: &str = include_str!("../../../migrations/read/runtime.sql");

/// Makes what is missing in `read`, and with `anew` also what has another shape. Runs as
/// `srec_write`.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    projections: &[Arc<dyn Projection>],
    anew: bool,
) -> Result<(), sqlx::Error> {
    connection.execute("SET search_path TO read").await?;
    runtime_tables(connection).await?;
    for projection in projections {
        if let Home::Read { ddl } = projection.home() {
            prepare_projection(connection, projection.as_ref(), ddl, anew).await?;
        }
    }
    Ok(())
}

/// Creates a projection's tables in the schema that `search_path` names.
pub(crate) async fn create_tables(
    connection: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<(), sqlx::Error> {
    match projection.home() {
        Home::Read { ddl } => {
            connection.execute(sqlx::raw_sql(ddl)).await?;
            for table in projection.tables() {
                protect(connection, table).await?;
            }
            make_indexes(connection, projection).await?;
        }
        Home::History => {
            for table in projection.tables() {
                let sql = format!("CREATE TABLE {table} (LIKE history.{table} INCLUDING ALL)");
                connection.execute(AssertSqlSafe(sql)).await?;
            }
        }
        Home::Telemetry => {
            for table in projection.tables() {
                let sql = format!("CREATE TABLE {table} (LIKE telemetry.{table} INCLUDING ALL)");
                connection.execute(AssertSqlSafe(sql)).await?;
                let keyed = "SELECT EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = to_regclass($1) AND attname = 'tenant_id')";
                if sqlx::query_scalar(keyed)
                    .bind(table)
                    .fetch_one(&mut *connection)
                    .await?
                {
                    protect(connection, table).await?;
                }
            }
        }
    }
    Ok(())
}

/// Checkpoints and parked records, in the schema that `search_path` names.
pub(crate) async fn runtime_tables(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_tables
         WHERE schemaname = current_schema() AND tablename = 'checkpoint')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if exists {
        return Ok(());
    }
    let mut tx = connection.begin().await?;
    tx.execute(sqlx::raw_sql(RUNTIME)).await?;
    let everybody = "ALTER TABLE checkpoint ENABLE ROW LEVEL SECURITY;
         ALTER TABLE checkpoint FORCE ROW LEVEL SECURITY;
         CREATE POLICY reader ON checkpoint FOR SELECT TO srec_read USING (true);
         CREATE POLICY writer ON checkpoint TO srec_write USING (true) WITH CHECK (true);
         GRANT SELECT ON checkpoint TO srec_read;
         ALTER TABLE projection ENABLE ROW LEVEL SECURITY;
         ALTER TABLE projection FORCE ROW LEVEL SECURITY;
         CREATE POLICY writer ON projection TO srec_write USING (true) WITH CHECK (true);";
    tx.execute(sqlx::raw_sql(everybody)).await?;
    protect(&mut tx, "parked").await?;
    tx.commit().await
}

async fn prepare_projection(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    ddl: &'static str,
    anew: bool,
) -> Result<(), sqlx::Error> {
    let definition: Option<String> =
        sqlx::query_scalar("SELECT definition FROM projection WHERE name = $1")
            .bind(projection.name())
            .fetch_optional(&mut *connection)
            .await?;
    match definition.as_deref() {
        Some(found) if found == ddl => return make_indexes(connection, projection).await,
        Some(_) if !anew => {
            let (projection, left) = (projection.name(), "a read model of another version stays");
            tracing::warn!(
                projection,
                "{left}: a start with the projections role makes it anew"
            );
            return Ok(());
        }
        _ => {}
    }
    let mut tx = connection.begin().await?;
    for table in projection.tables() {
        let sql = format!("DROP TABLE IF EXISTS {table} CASCADE");
        tx.execute(AssertSqlSafe(sql)).await?;
    }
    create_tables(&mut tx, projection).await?;
    begin_again(&mut tx, projection.name(), ddl).await?;
    tx.commit().await
}

/// Those that are missing.
async fn make_indexes(
    connection: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<(), sqlx::Error> {
    let indexes = projection.indexes();
    if indexes.is_empty() {
        return Ok(());
    }
    let made = connection.execute(sqlx::raw_sql(indexes)).await;
    made.map(drop)
}

/// Empty tables are filled from the log's start, under a new generation so that
/// a runner of the old shape cannot commit.
async fn begin_again(
    connection: &mut PgConnection,
    name: &str,
    ddl: &str,
) -> Result<(), sqlx::Error> {
    let statements = [
        "UPDATE checkpoint SET generation = generation + 1, next_offset = 0 WHERE projection = $1",
        "DELETE FROM parked WHERE projection = $1",
        "DELETE FROM projection WHERE name = $1",
    ];
    for statement in statements {
        sqlx::query(statement)
            .bind(name)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("INSERT INTO projection (name, definition) VALUES ($1, $2)")
        .bind(name)
        .bind(ddl)
        .execute(connection)
        .await
        .map(drop)
}

/// Row-level security: readers see rows of their tenant that belong to their
/// project or to no project. The policies travel with the table.
async fn protect(connection: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let by_project: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 AND column_name = 'project_id')",
    )
    .bind(table)
    .fetch_one(&mut *connection)
    .await?;
    let project = match by_project {
        true => {
            "AND (project_id IS NULL OR project_id = nullif(current_setting('app.project', true), '')::uuid)"
        }
        false => "",
    };
    let sql = format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
         ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
         CREATE POLICY reader ON {table} FOR SELECT TO srec_read USING (
             tenant_id = nullif(current_setting('app.tenant', true), '')::uuid {project});
         CREATE POLICY writer ON {table} TO srec_write USING (true) WITH CHECK (true);
         GRANT SELECT ON {table} TO srec_read;"
    );
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .map(drop)
}
