//! Postgres and what needs it. Started beside the rest, because ingest works
//! without it and must not wait.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use eventlog::Log;
use projections::telemetry::compaction::{Compaction, Pace};
use projections::vault::rotation::Rotation;
use projections::vault::{MasterKey, SubjectKeys};
use projections::{Db, DbConfig, Runtime};
use schemas::context::Context as Surroundings;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use workers::integration_prober::{Pace as ProbePace, Prober};
use workers::invitation_mailer::Mailer;
use workers::mail_server::{MailServer, Post};
use workers::tenant_eraser::TenantEraser;

use super::{CLOCK, Platform};
use crate::config::Config;
use crate::master_key::{self, KeyFile};
use crate::storage::{self, Database};

/// The database as the parts of this process use it. Pools connect when used.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) db: Db,
    pub(crate) master: MasterKey,
    pub(crate) key_file: Arc<KeyFile>,
    /// The part that this process takes in exchanges of the master key.
    pub(crate) rotation: Rotation,
    /// What a deployment sets of them.
    pub(crate) folds: projections::Settings,
    database: Database,
    settings: DbConfig,
    /// True once the tables are there and the vault has opened.
    usable: watch::Sender<bool>,
}

impl Data {
    /// Waits for Postgres only at the very first start, to see that the vault for
    /// which a master key is made is a new one. A Postgres of ours that was started for
    /// that runs on: whoever fails after it stops it. With `makes_anew` read models of
    /// another shape are made anew.
    pub(super) async fn plan(
        config: &Config,
        log: &Log,
        makes_anew: bool,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<(Self, Option<pgserver::Server>)> {
        let database = Database::plan(config)?;
        let (db, mut settings) = database.pools(config)?;
        settings.makes_anew = makes_anew;
        let (master, server) = match master_key::existing(config)? {
            Some(master) => (master, None),
            None => {
                let making = Box::pin(async {
                    storage::migrate(&settings, &database.wait).await?;
                    storage::ensure_belongs(&db, log).await?;
                    let master = master_key::make(config, &db).await?;
                    // Plants the canary before anybody can put a secret beside it.
                    storage::open_vault(&db, &master, log, &database.wait).await?;
                    anyhow::Ok(master)
                });
                database.start_for(unless_stopped(shutdown, making)).await?
            }
        };
        let key_file = Arc::new(KeyFile::of(config));
        let instance = Surroundings::ambient(&CLOCK).id();
        let data = Self {
            rotation: Rotation::new(&db, &master, key_file.clone(), instance, &config.instance),
            db,
            master,
            key_file,
            folds: projections::Settings {
                active_series: u32::try_from(config.telemetry_active_series).unwrap_or(u32::MAX),
                telemetry_linger: Duration::from_millis(config.telemetry_flush_ms),
            },
            database,
            settings,
            usable: watch::Sender::new(false),
        };
        Ok((data, server))
    }

    /// Everything started and waited for, for a tool that runs alone; taken back at `stop`.
    pub(crate) async fn open(
        config: &Config,
        log: &Log,
        stop: &CancellationToken,
    ) -> anyhow::Result<(Self, Option<pgserver::Server>)> {
        // Read models are made anew by the server, which then fills them.
        let (data, _) = Self::plan(config, log, false, stop).await?;
        let opening = Box::pin(async {
            storage::migrate(&data.settings, &data.database.wait).await?;
            storage::open_vault(&data.db, &data.master, log, &data.database.wait).await
        });
        let server = data.database.start_unless(stop).await?;
        let (_, server) = storage::or_stop(server, unless_stopped(stop, opening)).await?;
        Ok((data, server))
    }

    /// Waits until the tables are there and the vault's canary is planted: whoever
    /// stores secrets waits for it.
    pub(super) async fn wait_usable(&self) -> anyhow::Result<()> {
        let mut usable = self.usable.subscribe();
        usable
            .wait_for(|usable| *usable)
            .await
            .map(drop)
            .context("the data is gone")
    }

    pub(super) fn is_usable(&self) -> bool {
        *self.usable.borrow()
    }

    /// Why Postgres was waited for last.
    pub(super) fn cause(&self) -> Option<String> {
        self.database.wait.cause()
    }

    pub(crate) fn subject_keys(&self) -> SubjectKeys {
        SubjectKeys::new(self.master.clone())
    }
}

/// Starts Postgres where it is ours, migrates, opens the vault; then looks after
/// a Postgres of our own until `end`, which is after that of all that uses it.
pub(super) async fn keep(
    platform: Platform,
    data: Data,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let server = data.database.start_unless(&platform.shutdown).await?;
    let opening = Box::pin(async {
        storage::migrate(&data.settings, &data.database.wait).await?;
        storage::open_vault(&data.db, &data.master, &platform.log, &data.database.wait).await
    });
    let opening = async {
        let opened = platform.shutdown.run_until_cancelled(opening).await;
        anyhow::Ok(opened.transpose()?.is_some())
    };
    let (is_open, server) = storage::or_stop(server, opening).await?;
    if is_open {
        data.usable.send_replace(true);
    }
    match server {
        Some(server) => data.database.look_after(server, end).await,
        None => end.cancelled().await,
    }
    Ok(())
}

/// A signal ended the start.
#[derive(Debug, thiserror::Error)]
#[error("stopped before it had started")]
pub(super) struct Stopped;

/// What `starting` comes to, or at once that it was [`Stopped`].
pub(super) async fn unless_stopped<T>(
    shutdown: &CancellationToken,
    starting: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let started = shutdown.run_until_cancelled(starting).await;
    started.unwrap_or_else(|| Err(Stopped.into()))
}

/// Waits until the data can be used; false where the program ends before that.
async fn becomes_usable(platform: &Platform, data: &Data) -> anyhow::Result<bool> {
    let waited = platform
        .shutdown
        .run_until_cancelled(data.wait_usable())
        .await;
    Ok(waited.transpose()?.is_some())
}

/// Takes part in exchanges of the master key, once the vault has opened.
pub(super) async fn exchange_keys(platform: Platform, data: Data) -> anyhow::Result<()> {
    if !becomes_usable(&platform, &data).await? {
        return Ok(());
    }
    data.rotation.run(platform.shutdown.clone()).await;
    Ok(())
}

/// Asks the monitoring servers, once it can be read where they are.
pub(super) async fn probe(platform: Platform, data: Data) -> anyhow::Result<()> {
    if !becomes_usable(&platform, &data).await? {
        return Ok(());
    }
    let prober = Prober {
        log: platform.consumed(),
        db: data.db.clone(),
        master: data.master.clone(),
        clock: CLOCK,
        outbound: platform.outbound.clone(),
        pace: ProbePace {
            every: Duration::from_millis(platform.config.monitoring_probe_ms),
        },
    };
    prober.run(platform.shutdown.clone()).await
}

/// Has tenants erased whose grace is over, once it can be read which.
pub(super) async fn erase_tenants(platform: Platform, data: Data) -> anyhow::Result<()> {
    if !becomes_usable(&platform, &data).await? {
        return Ok(());
    }
    let eraser = TenantEraser {
        log: platform.log.clone(),
        db: data.db.clone(),
        clock: CLOCK,
    };
    eraser.run(platform.shutdown.clone()).await
}

/// Sends invitations by mail, once it can be read which; nothing where mail is off.
pub(super) async fn mail(platform: Platform, data: Data) -> anyhow::Result<()> {
    let config = &platform.config;
    let (Some(url), Some(from)) = (&config.smtp_url, &config.mail_from) else {
        platform.shutdown.cancelled().await;
        return Ok(());
    };
    let authority = config
        .smtp_ca_file
        .as_ref()
        .map(|file| std::fs::read(file).with_context(|| format!("cannot read {}", file.display())));
    let post = Post::new(
        &MailServer::parse(url)?,
        from,
        authority.transpose()?.as_deref(),
    );
    let post = post.context("configuration: mail")?;
    if !becomes_usable(&platform, &data).await? {
        return Ok(());
    }
    let mailer = Mailer {
        log: platform.log.clone(),
        db: data.db.clone(),
        master: data.master.clone(),
        clock: CLOCK,
        post,
        first_wait: Duration::from_millis(config.mail_retry_ms),
    };
    mailer.run(platform.shutdown.clone()).await
}

/// Folds the log into the read models, once their tables are there.
pub(super) async fn project(platform: Platform, data: Data) -> anyhow::Result<()> {
    if !becomes_usable(&platform, &data).await? {
        return Ok(());
    }
    let runtime = Runtime {
        log: platform.consumed(),
        people: data.subject_keys(),
        db: data.db.clone(),
        fanout: platform.fanout.clone(),
        rest: projections::REST,
    };
    let projections = projections::registry_with(&data.folds);
    projections::run(runtime, projections, platform.shutdown.clone()).await
}

/// Compacts the telemetry store, once its tables are there.
pub(super) async fn compact(platform: Platform, data: Data) -> anyhow::Result<()> {
    if !becomes_usable(&platform, &data).await? {
        return Ok(());
    }
    let pace = Pace {
        pause: Duration::from_millis(platform.config.telemetry_compaction_ms),
        rows_ready: platform.config.telemetry_compaction_rows.into(),
    };
    Compaction::new(pace)
        .run(data.db, CLOCK, platform.shutdown.clone())
        .await
}
