//! Brings a database to the shape that this program needs: roles, the four
//! schemas, versioned tables of `history`, `telemetry` and `vault`, and the
//! tables of `read`, which are made new where they are missing or had another
//! shape; the log fills them again.

mod read;
mod roles;

use sqlx::migrate::{MigrateError as SqlxMigrateError, Migrator};
use sqlx::{Connection, Executor, PgConnection};

use crate::db::{DbConfig, WRITE_ROLE, become_role, is_passing, lock};

pub(crate) use read::{create_tables, runtime_tables};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Serialises the starts of several processes on one database.
const LOCK: i64 = 0x5352_4543_4d49_4752;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Postgres is away: try again.
    #[error("Postgres is not available: {0}")]
    Unavailable(sqlx::Error),
    #[error(
        "the database has schema version {found}, this program knows {known}: start the newer sre-copilot"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "migration {0} was changed after it was applied: start the sre-copilot that applied it"
    )]
    Changed(i64),
    #[error(
        "cannot create or use the database roles srec_write and srec_read ({0}); let an administrator run: \
         CREATE ROLE srec_write NOLOGIN; CREATE ROLE srec_read NOLOGIN; GRANT srec_write, srec_read TO <user>; \
         GRANT CREATE ON DATABASE <database> TO srec_write"
    )]
    Roles(sqlx::Error),
    #[error(
        "a reading session could bypass row-level security ({0}), so tenants would not be kept apart"
    )]
    BypassesRowSecurity(String),
    #[error("cannot prepare the database: {0}")]
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        match is_passing(&error) {
            true => Self::Unavailable(error),
            false => Self::Failed(error),
        }
    }
}

/// Runs at every start; does nothing where nothing is to do.
pub async fn migrate(config: &DbConfig) -> Result<(), MigrateError> {
    let mut connection = prepared(config, None).await?;
    read::prepare(&mut connection, &crate::registry(), config.makes_anew).await?;
    roles::check_reader(&mut connection, config.allow_rls_bypass).await?;
    connection.close().await?;
    Ok(())
}

/// Gives an empty database the tables that rows of an older version fit into. What has
/// changed since is done to the rows by [`migrate`].
pub async fn migrate_to(config: &DbConfig, version: i64) -> Result<(), MigrateError> {
    prepared(config, Some(version)).await?.close().await?;
    Ok(())
}

/// The version of the tables that this program works on.
pub fn newest() -> i64 {
    MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0)
}

/// Whether this program can make tables of that version.
pub fn knows(version: i64) -> bool {
    MIGRATIONS.iter().any(|m| m.version == version)
}

/// The version that a database's tables have.
pub async fn version(rows: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM history._sqlx_migrations")
        .fetch_one(rows)
        .await
}

/// Whether a platform was ever started on the database.
pub async fn is_used(config: &DbConfig) -> Result<bool, MigrateError> {
    let mut connection = PgConnection::connect_with(&config.options()?).await?;
    // Any of its schemas: a restore that fails takes away what is there.
    let schemas = "SELECT EXISTS (SELECT FROM pg_namespace
        WHERE nspname IN ('history', 'telemetry', 'vault', 'read'))";
    let used = sqlx::query_scalar(schemas)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(used)
}

/// A session of `srec_write`, with the schemas there and the versioned tables as of
/// `version`, of the newest where none is asked for.
async fn prepared(config: &DbConfig, version: Option<i64>) -> Result<PgConnection, MigrateError> {
    let mut connection = PgConnection::connect_with(&config.options()?).await?;
    lock::wait(&mut connection, LOCK, || {
        let waited_s = lock::LONG.as_secs();
        tracing::warn!(waited_s, "another process still prepares the database");
    })
    .await?;
    roles::create(&mut connection).await?;
    schemas(&mut connection).await?;
    become_role(&mut connection, WRITE_ROLE)
        .await
        .map_err(MigrateError::Roles)?;
    versioned(&mut connection, version).await?;
    Ok(connection)
}

async fn schemas(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let sql = "CREATE SCHEMA IF NOT EXISTS history AUTHORIZATION srec_write;
               CREATE SCHEMA IF NOT EXISTS telemetry AUTHORIZATION srec_write;
               CREATE SCHEMA IF NOT EXISTS vault AUTHORIZATION srec_write;
               CREATE SCHEMA IF NOT EXISTS read AUTHORIZATION srec_write;
               GRANT USAGE ON SCHEMA read TO srec_read;";
    connection
        .execute(sqlx::raw_sql(sql))
        .await
        .map_err(MigrateError::Roles)?;
    Ok(())
}

async fn versioned(
    connection: &mut PgConnection,
    version: Option<i64>,
) -> Result<(), MigrateError> {
    connection.execute("SET search_path TO history").await?;
    match MIGRATIONS.run_direct(version, connection, false).await {
        Ok(()) => Ok(()),
        Err(SqlxMigrateError::VersionMissing(found)) => Err(MigrateError::Newer {
            found,
            known: newest(),
        }),
        Err(SqlxMigrateError::VersionMismatch(version)) => Err(MigrateError::Changed(version)),
        Err(SqlxMigrateError::Execute(error) | SqlxMigrateError::ExecuteMigration(error, _)) => {
            Err(error.into())
        }
        Err(other) => Err(MigrateError::Failed(sqlx::Error::Migrate(Box::new(other)))),
    }
}
