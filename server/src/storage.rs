//! Opens what the platform keeps things in: the log, and Postgres (given, or our
//! own under the data folder).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use eventlog::Log;
use eventlog::embedded::{Consumers, EmbeddedLog, Options, RealDisk};
use projections::migrate::MigrateError;
use projections::vault::{self, MasterKey, Vault, VaultError};
use projections::{Db, DbConfig};
use schemas::topic::{Retention, Topic};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{BadSetting, Config};
use crate::roles::Roles;

/// The database that our own Postgres holds.
pub(crate) const DATABASE: &str = "sre_copilot";

/// What a deployment says how long the embedded log keeps.
const TELEMETRY: [Topic; 3] = [
    Topic::TelemetryMetrics,
    Topic::TelemetryLogs,
    Topic::TelemetryTraces,
];

/// How often our own Postgres is looked after.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);
/// Between two tries to start it again, at last.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a record of a body has beside it: its key, its headers, and what was refused of it.
const BESIDE_A_BODY: usize = 1 << 20;

/// More does not fit into what the client keeps waiting and fetches at once.
#[cfg(feature = "kafka")]
const MOST_ON_KAFKA: usize = 48 << 20;

const NOT_STOPPED: &str = "Postgres did not stop";

/// How often a missing Postgres is tried.
const TRY_AGAIN: Duration = Duration::from_millis(300);
/// One of so many tries is told.
const TOLD_OF: u32 = 50;

/// Opens the configured backend; only a process with all roles may use the
/// embedded log, because its second reader would be another process.
pub(crate) async fn open(
    config: &Config,
    roles: Roles,
) -> anyhow::Result<(Log, Option<Arc<EmbeddedLog>>)> {
    if let Some(brokers) = &config.kafka_brokers {
        roles.ensure_shared_database(config.database_url.as_deref())?;
        return Ok((open_kafka(brokers, config).await?, None));
    }
    if !roles.all_in_one() {
        let expected = format!(
            "`sre-copilot {}` runs apart from the other roles and needs a log between them: \
             set KAFKA_BROKERS, or run `sre-copilot` alone",
            roles.name
        );
        return Err(BadSetting {
            setting: "KAFKA_BROKERS",
            value: String::new(),
            expected,
        }
        .into());
    }
    let embedded = open_embedded(config).await?;
    Ok((embedded.clone(), Some(embedded)))
}

/// Says that the embedded log goes on elsewhere.
fn moved_file(config: &Config) -> PathBuf {
    config.data_dir.join("log").join("moved")
}

/// Remembers that the embedded log was copied, and where to.
#[cfg(feature = "kafka")]
pub(crate) fn note_moved(config: &Config, brokers: &str) -> anyhow::Result<()> {
    let (file, at) = (moved_file(config), crate::serve::CLOCK.now().datetime());
    let said = format!("copied to Kafka at {brokers} on {}", at.format("%F %T UTC"));
    let written = std::fs::write(&file, said).and_then(|()| std::fs::File::open(&file)?.sync_all());
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// Two platforms that go on from one log would part from one another, with one database.
pub(crate) fn ensure_not_moved(config: &Config) -> anyhow::Result<()> {
    let file = moved_file(config);
    let said = match std::fs::read_to_string(&file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        said => said.with_context(|| format!("cannot read {}", file.display()))?,
    };
    bail!(
        "the log in {} was {said}, and goes on there: set KAFKA_BROKERS. If that copy was \
         never started, remove {} to go on here",
        config.data_dir.display(),
        file.display()
    )
}

/// The largest record: each body that ingest takes fits into one.
fn record_bytes(config: &Config, at_least: usize) -> usize {
    let with_body = config.ingest_body_bytes.saturating_add(BESIDE_A_BODY);
    with_body.max(at_least)
}

/// All who read the log in this version, in whichever role.
fn consumers() -> Consumers {
    let groups = commands::groups().chain(workers::groups());
    Consumers {
        groups: groups.map(str::to_owned).collect(),
        pinned: projections::consumers().collect(),
    }
}

/// How long the records of a topic are kept; on Kafka nothing of it is set here.
pub(crate) fn retention(topic: Topic, config: &Config) -> Retention {
    match config.kafka_brokers.is_none() && TELEMETRY.contains(&topic) {
        true => Retention::Seconds(config.telemetry_log_retention_s),
        false => topic.retention(),
    }
}

/// The embedded log under the data folder.
pub(crate) async fn open_embedded(config: &Config) -> anyhow::Result<Arc<EmbeddedLog>> {
    let kept_s = config.telemetry_log_retention_s;
    let defaults = Options::new(config.data_dir.join("log"));
    let options = Options {
        max_record_bytes: record_bytes(config, defaults.max_record_bytes),
        disk_budget_bytes: config.log_disk_bytes,
        disk_free_bytes: config.log_disk_free_bytes,
        disk: Arc::new(RealDisk {
            page_cache: config.log_page_cache,
        }),
        retention: TELEMETRY
            .map(|topic| (topic, Retention::Seconds(kept_s)))
            .into(),
        // What is kept shortly is looked for more often.
        retention_interval: Duration::from_secs(u64::from(kept_s) / 4)
            .clamp(Duration::from_secs(1), defaults.retention_interval),
        consumers: Some(consumers()),
        ..defaults
    };
    let opened = tokio::task::spawn_blocking(move || EmbeddedLog::open(options)).await?;
    opened.context("cannot open the log")
}

#[cfg(feature = "kafka")]
async fn open_kafka(brokers: &str, config: &Config) -> anyhow::Result<Log> {
    let options = kafka_options(brokers, config);
    let opened = eventlog::kafka::KafkaLog::open(options).await;
    let log = opened
        .map_err(|error| not_opened(error, config))
        .context("cannot open the log on Kafka")?;
    Ok(log)
}

/// Settings that are refused now are refused after each restart.
#[cfg(feature = "kafka")]
pub(crate) fn not_opened(error: eventlog::kafka::OpenError, config: &Config) -> anyhow::Error {
    if !matches!(error, eventlog::kafka::OpenError::Settings(_)) {
        return error.into();
    }
    // Names alone: what is mistyped may be that of a password.
    let names = config.kafka_options.iter().map(|(name, _)| name.as_str());
    let refused = BadSetting {
        setting: "SRE_COPILOT_KAFKA_OPTIONS",
        value: names.collect::<Vec<_>>().join(","),
        expected: error.to_string(),
    };
    refused.into()
}

/// How this process is known to the brokers.
#[cfg(feature = "kafka")]
pub(crate) fn kafka_options(brokers: &str, config: &Config) -> eventlog::kafka::Options {
    let defaults = eventlog::kafka::Options::new(brokers, &config.instance);
    eventlog::kafka::Options {
        max_record_bytes: record_bytes(config, defaults.max_record_bytes).min(MOST_ON_KAFKA),
        client: config.kafka_options.iter().cloned().collect(),
        replication: config.kafka_replication,
        prefix: config.kafka_prefix.clone(),
        ..defaults
    }
}

#[cfg(not(feature = "kafka"))]
async fn open_kafka(brokers: &str, _: &Config) -> anyhow::Result<Log> {
    let refused = BadSetting {
        setting: "KAFKA_BROKERS",
        value: brokers.to_owned(),
        expected: "this program was built without Kafka".to_owned(),
    };
    Err(refused.into())
}

/// Where Postgres is: given, or to be started by us.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) url: String,
    own: Option<pgserver::Plan>,
    /// How it is waited for.
    pub(crate) wait: Wait,
}

impl Database {
    /// Finds out without starting anything, so that what needs no Postgres need
    /// not wait for it.
    pub(crate) fn plan(config: &Config) -> anyhow::Result<Self> {
        if let Some(url) = &config.database_url {
            return Ok(Self {
                url: url.clone(),
                own: None,
                wait: Wait::on(place(url)),
            });
        }
        let options = pgserver::Options {
            binaries: config.postgres_bin.clone(),
            settings: Vec::new(),
        };
        let plan = pgserver::Plan::new(&config.data_dir, &options)?;
        Ok(Self {
            url: plan.url(DATABASE),
            own: Some(plan),
            wait: Wait::on("Postgres of our own".to_owned()),
        })
    }

    /// Starts Postgres where it is ours; None where it was given.
    pub(crate) async fn start(&self) -> anyhow::Result<Option<pgserver::Server>> {
        let Some(plan) = &self.own else {
            return Ok(None);
        };
        let server = plan.start().await?;
        if let Err(failed) = server.create_database(DATABASE).await {
            stop(server).await;
            return Err(failed);
        }
        Ok(Some(server))
    }

    /// The same unless `shutdown` comes first, which may be long: a Postgres that recovers from
    /// a crash is then stopped as it is.
    pub(crate) async fn start_unless(
        &self,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<pgserver::Server>> {
        let starting = Box::pin(self.start());
        if let Some(started) = shutdown.run_until_cancelled(starting).await {
            return started;
        }
        if let Some(plan) = &self.own
            && let Err(e) = plan.give_up().await
        {
            tracing::warn!("{NOT_STOPPED}: {e:#}");
        }
        Ok(None)
    }

    /// Starts Postgres for `work`, and stops it again where that fails.
    pub(crate) async fn start_for<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<(T, Option<pgserver::Server>)> {
        let server = self.start().await?;
        or_stop(server, work).await
    }

    /// Restarts our own Postgres whenever it is gone; stops it at the end.
    pub(crate) async fn look_after(
        &self,
        mut server: pgserver::Server,
        shutdown: CancellationToken,
    ) {
        let mut tick = tokio::time::interval(WATCH_INTERVAL);
        let mut pause = WATCH_INTERVAL;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = tick.tick() => {}
            }
            if server.is_running() {
                pause = WATCH_INTERVAL;
                // Where that fails, for want of room perhaps, others say so.
                server.bound_log().ok();
                continue;
            }
            tracing::error!("Postgres is gone; starting it again");
            metrics::counter!("sre_copilot_postgres_restarts_total").increment(1);
            match self.start_unless(&shutdown).await {
                Ok(Some(restarted)) => server = restarted,
                Ok(None) => return,
                Err(e) => {
                    tracing::error!("cannot restart Postgres, again in {pause:?}: {e:#}");
                    shutdown
                        .run_until_cancelled(tokio::time::sleep(pause))
                        .await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        stop(server).await;
    }

    pub(crate) fn pools(&self, config: &Config) -> anyhow::Result<(Db, DbConfig)> {
        let mut settings = DbConfig::new(&self.url);
        settings.allow_rls_bypass = config.allow_weak_isolation;
        let db = Db::connect(&settings).context("configuration: database_url")?;
        Ok((db, settings))
    }
}

/// Does `work`, for which `server` runs where Postgres is ours, and stops that where it fails:
/// nobody else would.
pub(crate) async fn or_stop<T>(
    server: Option<pgserver::Server>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, Option<pgserver::Server>)> {
    let failed = match work.await {
        Ok(done) => return Ok((done, server)),
        Err(failed) => failed,
    };
    if let Some(server) = server {
        stop(server).await;
    }
    Err(failed)
}

async fn stop(server: pgserver::Server) {
    if let Err(e) = server.stop().await {
        tracing::warn!("{NOT_STOPPED}: {e:#}");
    }
}

/// The setting and where it leads, for lines about it.
fn place(url: &str) -> String {
    let options: Option<PgConnectOptions> = url.parse().ok();
    match options {
        Some(options) => match options.get_socket() {
            Some(socket) => format!("DATABASE_URL ({})", socket.display()),
            None => format!(
                "DATABASE_URL ({}:{})",
                options.get_host(),
                options.get_port()
            ),
        },
        None => "DATABASE_URL".to_owned(),
    }
}

/// Waiting for Postgres: where it should be, and why it cannot be used yet.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    place: Arc<str>,
    cause: watch::Sender<Option<String>>,
}

impl Wait {
    fn on(place: String) -> Self {
        Self {
            place: place.into(),
            cause: watch::Sender::new(None),
        }
    }

    /// Why it was waited for last; None where that was never.
    pub(crate) fn cause(&self) -> Option<String> {
        self.cause.borrow().clone()
    }

    /// What failed for good, with the place.
    fn ended<T>(&self, done: Result<T, MigrateError>) -> anyhow::Result<T> {
        done.with_context(|| self.place.to_string())
    }

    /// Remembers the cause, and says it now and then, not with every try.
    fn tell(&self, tries: &mut u32, error: &dyn std::fmt::Display) {
        let cause = format!("{}: {error}", self.place);
        if tries.is_multiple_of(TOLD_OF) {
            tracing::warn!("waiting for Postgres: {cause}");
        }
        *tries = tries.wrapping_add(1);
        self.cause.send_replace(Some(cause));
    }
}

/// Brings the database to today's shape, waiting for Postgres as long as it takes.
pub(crate) async fn migrate(settings: &DbConfig, wait: &Wait) -> anyhow::Result<()> {
    once_there(wait, move || projections::migrate(settings)).await
}

/// Asks something of Postgres or does it there, waiting for it as long as it takes.
pub(crate) async fn once_there<T, F>(wait: &Wait, ask: impl Fn() -> F) -> anyhow::Result<T>
where
    F: Future<Output = Result<T, MigrateError>>,
{
    let mut tries = 0;
    loop {
        match ask().await {
            Err(MigrateError::Unavailable(e)) => wait.tell(&mut tries, &e),
            done => return wait.ended(done),
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

/// Opens the vault, waiting for Postgres as long as it takes.
pub(crate) async fn open_vault(
    db: &Db,
    master: &MasterKey,
    log: &Log,
    wait: &Wait,
) -> anyhow::Result<Vault> {
    // Before the vault is looked at: somebody who is known by now had one before.
    let has_people = knows_somebody(log).await?;
    let mut tries = 0;
    loop {
        let opened = match belongs(db, has_people).await {
            Ok(true) => Vault::open(db, master.clone()).await,
            Ok(false) => bail!(OTHER_DATABASE),
            Err(error) => Err(error),
        };
        match opened {
            Err(VaultError::Database(e)) => wait.tell(&mut tries, &e),
            opened => return Ok(opened?),
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

const OTHER_DATABASE: &str = "the database holds no vault, but the log knows people, whose names open \
    only with theirs: name the database that belongs to this log in DATABASE_URL, restore it from a \
    backup, or begin with an empty log";

/// Refuses to begin a vault beside a log that knows people.
pub(crate) async fn ensure_belongs(db: &Db, log: &Log) -> anyhow::Result<()> {
    let has_people = knows_somebody(log).await?;
    ensure!(belongs(db, has_people).await?, OTHER_DATABASE);
    Ok(())
}

/// What the log says of people opens with the keys of the vault that it was sealed with.
/// Another one would hide every name without a word.
async fn belongs(db: &Db, has_people: bool) -> Result<bool, VaultError> {
    Ok(!has_people || !vault::is_empty(db).await?)
}

async fn knows_somebody(log: &Log) -> anyhow::Result<bool> {
    let topic = Topic::IdentityEvents;
    let partitions: Vec<_> = (0..topic.partitions())
        .map(|partition| (topic, partition))
        .collect();
    let ends = log.ends(&partitions).await;
    let ends = ends.context("cannot see whether the log knows anybody")?;
    Ok(ends.values().any(|end| *end > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn a_body_that_ingest_takes_fits_into_a_record() {
        let config = |ingest_body_bytes| {
            let settings = Settings {
                ingest_body_bytes,
                ..Settings::default()
            };
            settings.resolve(8580).unwrap()
        };
        let defaults = Options::new("log");
        for ingest_body_bytes in [None, Some(64 << 20)] {
            let config = config(ingest_body_bytes);
            let most = record_bytes(&config, defaults.max_record_bytes);
            assert!(most > config.ingest_body_bytes, "{ingest_body_bytes:?}");
        }
        // Others append records too.
        let small = record_bytes(&config(Some(1)), defaults.max_record_bytes);
        assert_eq!(small, defaults.max_record_bytes);
    }

    #[test]
    fn a_line_about_postgres_names_the_setting_and_the_host() {
        for (url, told) in [
            (
                "postgres://ada:s3cret@db.example/x",
                "DATABASE_URL (db.example:5432)",
            ),
            (
                "postgres://db:6432/x?password=s3cret",
                "DATABASE_URL (db:6432)",
            ),
            (
                "postgres:///x?host=/run/postgresql",
                "DATABASE_URL (/run/postgresql)",
            ),
        ] {
            assert_eq!(place(url), told);
        }
        let wait = Wait::on(place("postgres://ada:s3cret@db/x"));
        assert_eq!(wait.cause(), None);
        wait.tell(&mut 0, &"password authentication failed");
        let cause = "DATABASE_URL (db:5432): password authentication failed";
        assert_eq!(wait.cause().as_deref(), Some(cause));
    }
}
