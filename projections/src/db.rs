//! Connections to Postgres: as `srec_read` under row-level security for queries,
//! as `srec_write` for folds and the vault.

pub(crate) mod lock;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use promql::budget::{Budget, NoMemory, Share};
use schemas::scope::Scope;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, Postgres, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::logs::{Blooms, Hours};

/// Filters rows by tenant and project; sees nothing of `history` and `vault`.
pub const READ_ROLE: &str = "srec_read";
/// Owns the tables.
pub const WRITE_ROLE: &str = "srec_write";

/// How long a query over telemetry may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a statement may take that reads more than its answer shows.
const LONG: Duration = Duration::from_secs(10);

/// Where Postgres is and how much of it this process may use.
#[derive(Debug, Clone)]
pub struct DbConfig {
    pub url: String,
    pub read_connections: u32,
    /// How many of them queries over telemetry use at once; the others stay free for what
    /// takes milliseconds.
    pub telemetry_connections: u32,
    pub write_connections: u32,
    /// Longest wait for a connection; a read fails within twice this time.
    pub acquire_timeout: Duration,
    /// Start although the reading session could bypass row-level security.
    pub allow_rls_bypass: bool,
    /// Make read models of another shape anew, which is for whoever fills them then: those of
    /// another version are still filled by it, or would stay empty.
    pub makes_anew: bool,
}

impl DbConfig {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            read_connections: 20,
            telemetry_connections: 12,
            write_connections: 8,
            acquire_timeout: Duration::from_millis(900),
            allow_rls_bypass: false,
            makes_anew: true,
        }
    }

    /// Options of a plain session: UTC, and no waiting for ever.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        Ok(PgConnectOptions::from_str(&self.url)?
            .application_name("sre-copilot")
            .options([("TimeZone", "UTC"), ("client_min_messages", "warning")]))
    }
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Postgres is away or too busy: answer 503.
    #[error("the read models are not available: {0}")]
    Unavailable(String),
    #[error("the query failed: {0}")]
    Failed(sqlx::Error),
    /// Of what all queries may hold together.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
}

impl From<sqlx::Error> for QueryError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Unavailable(
                "Postgres is away, or all connections to it are in use".to_owned(),
            ),
            error if is_passing(&error) => Self::Unavailable(error.to_string()),
            error => Self::Failed(error),
        }
    }
}

/// Whether trying again later can help: Postgres is away, busy or shutting down.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            // Connection, login, missing database, rollback, resources, locks,
            // operator intervention, and errors of the system below.
            ["08", "28", "3D", "40", "53", "55", "57", "58", "XX"]
                .contains(&code.get(..2).unwrap_or_default())
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        _ => false,
    }
}

/// The pools of one process. Cheap to clone; connects when first used.
#[derive(Debug, Clone)]
pub struct Db {
    read: PgPool,
    telemetry_turns: Arc<Semaphore>,
    write: PgPool,
    writer: PgConnectOptions,
    blooms: Arc<Blooms>,
    log_hours: Arc<Hours>,
    /// None where queries may hold any memory.
    query_memory: Option<Arc<Budget>>,
}

impl Db {
    pub fn connect(config: &DbConfig) -> Result<Self, sqlx::Error> {
        let options = config.options()?;
        let limit = config.acquire_timeout.as_millis().to_string();
        let reading = options.clone().options([
            ("search_path", "read"),
            ("statement_timeout", limit.as_str()),
        ]);
        Ok(Self {
            telemetry_turns: Arc::new(Semaphore::new(config.telemetry_connections as usize)),
            read: pool(config.read_connections, config, READ_ROLE).connect_lazy_with(reading),
            write: pool(config.write_connections, config, WRITE_ROLE)
                .connect_lazy_with(options.clone()),
            writer: options,
            blooms: Arc::default(),
            log_hours: Arc::default(),
            query_memory: None,
        })
    }

    /// Queries over logs and traces hold no more than this together.
    pub fn within(self, budget: Arc<Budget>) -> Self {
        let query_memory = Some(budget);
        Self {
            query_memory,
            ..self
        }
    }

    /// For one query, which holds nothing yet.
    pub(crate) fn share(&self) -> Arc<Share> {
        let budget = self.query_memory.as_ref();
        budget.map(Budget::share).unwrap_or_default()
    }

    /// A read-only transaction that sees the rows of `scope` and no others.
    /// Dropping it is enough; it holds nothing worth a commit. Each statement
    /// takes its own snapshot: an older one would see nothing of a table that a
    /// replay has just swapped in.
    pub async fn reading(
        &self,
        scope: &Scope,
    ) -> Result<Transaction<'static, Postgres>, QueryError> {
        let mut tx = self
            .read
            .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
            .await?;
        sqlx::query(
            "SELECT set_config('app.tenant', $1, true), set_config('app.project', $2, true)",
        )
        .bind(scope.tenant().to_string())
        .bind(scope.project().to_string())
        .execute(&mut *tx)
        .await?;
        Ok(tx)
    }

    /// The same for counts and searches, which read more than they show, where there are
    /// (`is_long`): they may take seconds, and take a turn among the queries that do, so that
    /// connections stay free for what takes milliseconds.
    pub(crate) async fn reading_long(
        &self,
        scope: &Scope,
        is_long: bool,
    ) -> Result<(Transaction<'static, Postgres>, Option<OwnedSemaphorePermit>), QueryError> {
        if !is_long {
            return Ok((self.reading(scope).await?, None));
        }
        // Before there is a connection, which others could use while this one waits.
        let turn = self.telemetry_turn().await?;
        let mut tx = self.reading(scope).await?;
        sqlx::query("SELECT set_config('statement_timeout', $1, true)")
            .bind(LONG.as_millis().to_string())
            .execute(&mut *tx)
            .await?;
        Ok((tx, Some(turn)))
    }

    /// A turn among the queries over telemetry, which may take seconds. They come in
    /// crowds, a dashboard at a time, and wait for each other longer than others wait for
    /// a connection.
    pub(crate) async fn telemetry_turn(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        let turns = self.telemetry_turns.clone();
        let turn = tokio::time::timeout(PATIENCE, turns.acquire_owned()).await;
        let busy = || QueryError::Unavailable("too many queries over telemetry at once".to_owned());
        turn.ok().and_then(Result::ok).ok_or_else(busy)
    }

    /// What searches over logs keep of this database.
    pub(crate) fn blooms(&self) -> &Blooms {
        &self.blooms
    }

    pub(crate) fn log_hours(&self) -> &Hours {
        &self.log_hours
    }

    /// Rows without a tenant (checkpoints), as the reading role.
    pub(crate) fn reader(&self) -> &PgPool {
        &self.read
    }

    /// Sessions of `srec_write`: history and the vault.
    pub fn writer(&self) -> &PgPool {
        &self.write
    }

    /// A session of its own for a fold that works on the tables of `schema`.
    pub(crate) async fn fold_session(&self, schema: &str) -> Result<PgConnection, sqlx::Error> {
        // A crash of Postgres may lose the last commits, rows and checkpoint
        // together; the fold repeats them, so waiting for the disk buys nothing.
        let options = self
            .writer
            .clone()
            .options([("search_path", schema), ("synchronous_commit", "off")]);
        let mut connection = PgConnection::connect_with(&options).await?;
        become_role(&mut connection, WRITE_ROLE).await?;
        Ok(connection)
    }
}

pub(crate) async fn become_role(
    connection: &mut PgConnection,
    role: &'static str,
) -> Result<(), sqlx::Error> {
    let statement = match role {
        READ_ROLE => "SET ROLE srec_read",
        _ => "SET ROLE srec_write",
    };
    connection.execute(statement).await.map(drop)
}

fn pool(connections: u32, config: &DbConfig, role: &'static str) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(config.acquire_timeout)
        .after_connect(move |connection, _| Box::pin(become_role(connection, role)))
}
