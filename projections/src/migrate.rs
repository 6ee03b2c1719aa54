//! Brings a database to the shape that this program needs: roles, the four
//! schemas, versioned tables of `history`, `telemetry` and `vault`, and the
//! tables of `read`, which are made new where they are missing or had another
//! shape; the log fills them again.

mod read;
mod roles;

use sqlx::migrate::{MigrateError as SqlxMigrateError, Migrator};
use sqlx::{Connection, Executor, PgConnection};

use crate::db::{DbConfig, WRITE_ROLE, become_role, is_passing};

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
    let mut connection = PgConnection::connect_with(&config.options()?).await?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut connection)
        .await?;
    roles::create(&mut connection).await?;
    schemas(&mut connection).await?;
    become_role(&mut connection, WRITE_ROLE)
        .await
        .map_err(MigrateError::Roles)?;
    versioned(&mut connection).await?;
    read::prepare(&mut connection, &crate::registry()).await?;
    roles::check_reader(&mut connection, config.allow_rls_bypass).await?;
    connection.close().await?;
    Ok(())
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

async fn versioned(connection: &mut PgConnection) -> Result<(), MigrateError> {
    connection.execute("SET search_path TO history").await?;
    let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    match MIGRATIONS.run_direct(None, connection, false).await {
        Ok(()) => Ok(()),
        Err(SqlxMigrateError::VersionMissing(found)) => Err(MigrateError::Newer { found, known }),
        Err(SqlxMigrateError::VersionMismatch(version)) => Err(MigrateError::Changed(version)),
        Err(SqlxMigrateError::Execute(error) | SqlxMigrateError::ExecuteMigration(error, _)) => {
            Err(error.into())
        }
        Err(other) => Err(MigrateError::Failed(sqlx::Error::Migrate(Box::new(other)))),
    }
}
