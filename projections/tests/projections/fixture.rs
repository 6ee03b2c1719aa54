//! A database, a log, and projections that run between them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Position};
use projections::fanout::InProcess;
use projections::replay::Replay;
use projections::runtime::Projection;
use projections::vault::{MasterKey, Vault};
use projections::{Db, DbConfig, Runtime, checkpoints, history};
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use testkit::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Between flushes of telemetry.
pub(crate) const LINGER: Duration = Duration::from_millis(10);

pub(crate) struct Bench {
    pub(crate) log: Log,
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) config: DbConfig,
    pub(crate) fanout: Arc<InProcess>,
    _dir: TempDir,
}

/// Projections that run until they are stopped.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.ended().await.expect("projections end well");
    }

    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        self.task.await.expect("no panic")
    }
}

impl Bench {
    /// None (said aloud) where there is no Postgres.
    pub(crate) async fn new() -> Option<Self> {
        let options = |dir: &Path| Options {
            // All records are appended at one time.
            clock: Clock::manual(Timestamp::from_micros(1_793_500_000_000_000)),
            ..Options::new(dir)
        };
        Self::with_log(options).await.map(|(bench, _)| bench)
    }

    /// With a log of its own, which comes along as what it is.
    pub(crate) async fn with_log(
        options: impl FnOnce(&Path) -> Options,
    ) -> Option<(Self, Arc<EmbeddedLog>)> {
        let database = testkit::postgres().await?;
        let config = DbConfig::new(&database.url);
        projections::migrate(&config).await.expect("migrates");
        let db = Db::connect(&config).expect("a good url");
        let vault = Vault::open(&db, MasterKey::from_bytes([7; 32]))
            .await
            .expect("an empty vault opens");
        let dir = tempfile::tempdir().expect("a folder");
        let log = EmbeddedLog::open(options(dir.path())).expect("a new log opens");
        let bench = Self {
            log: log.clone(),
            db,
            vault,
            config,
            fanout: Arc::default(),
            _dir: dir,
        };
        Some((bench, log))
    }

    pub(crate) async fn append(&self, records: Vec<NewRecord>) -> Vec<Position> {
        let mut positions = Vec::new();
        for record in records {
            positions.extend(self.log.append(vec![record]).await.expect("appends"));
        }
        positions
    }

    pub(crate) fn run(&self, folds: Vec<Arc<dyn Projection>>) -> Running {
        self.run_with_rest(folds, projections::REST)
    }

    /// With another patience of folds that have nothing to do.
    pub(crate) fn run_with_rest(&self, folds: Vec<Arc<dyn Projection>>, rest: Duration) -> Running {
        let stop = CancellationToken::new();
        let runtime = Runtime {
            log: self.log.clone(),
            db: self.db.clone(),
            people: self.vault.subject_keys(),
            fanout: self.fanout.clone(),
            rest,
        };
        let task = tokio::spawn(projections::run(runtime, folds, stop.clone()));
        Running { stop, task }
    }

    /// Runs everything until it has applied `positions`.
    pub(crate) async fn project(&self, positions: &[Position]) {
        let running = self.run(projections::registry());
        self.caught_up(positions).await;
        running.stop().await;
    }

    pub(crate) async fn caught_up(&self, positions: &[Position]) {
        for projection in projections::registry() {
            let name = projection.name();
            if name == "history" {
                self.history_caught_up(projection.as_ref(), positions).await;
            } else {
                self.caught_up_in(name, positions).await;
            }
        }
    }

    /// Waits until one projection has applied `positions`.
    pub(crate) async fn caught_up_in(&self, name: &'static str, positions: &[Position]) {
        eventually(name, || async {
            checkpoints::wait_until(&self.db, name, positions, LONG)
                .await
                .ok()
                .filter(|done| *done)
        })
        .await;
    }

    async fn history_caught_up(&self, history: &dyn Projection, positions: &[Position]) {
        for at in positions
            .iter()
            .filter(|at| history.topics().contains(&at.topic))
        {
            eventually("history", || async {
                let next = history::checkpoint(&self.db, at.topic, at.partition)
                    .await
                    .ok()?;
                (next > at.offset).then_some(())
            })
            .await;
        }
    }

    pub(crate) fn replay(&self) -> Replay {
        Replay {
            log: self.log.clone(),
            db: self.db.clone(),
            people: self.vault.subject_keys(),
            settings: projections::Settings::default(),
        }
    }

    /// As the database's own superuser.
    pub(crate) async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.config.url)
            .await
            .expect("connects")
    }

    /// Every row of every projection's tables, in a fixed order; telemetry, which
    /// is not rows, apart.
    pub(crate) async fn rows(&self) -> Vec<(String, Value)> {
        let mut connection = self.superuser().await;
        let mut all = Vec::new();
        for projection in folds() {
            for table in projection.tables() {
                let name = format!("{}.{table}", projection.home().schema());
                let rows = dump(&mut connection, &name).await;
                all.push((name, rows));
            }
        }
        all
    }

    /// Waits until all rows are `expected`.
    pub(crate) async fn rows_become(&self, expected: &[(String, Value)]) {
        eventually("the same rows", || async {
            (self.rows().await == expected).then_some(())
        })
        .await;
    }
}

/// The projections whose rows a replay makes again.
pub(crate) fn folds() -> Vec<Arc<dyn Projection>> {
    let mut all = projections::registry();
    all.retain(|projection| projection.home().replays());
    all
}

pub(crate) async fn dump(connection: &mut PgConnection, table: &str) -> Value {
    let sql = format!(
        "SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text), '[]') FROM {table} t"
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .expect("a table")
}
