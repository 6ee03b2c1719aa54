//! Assembles the process: what its roles need, each in a task, until a signal or
//! until one of them cannot go on.

mod calls;
mod connections;
mod data;
mod edge;
mod lag;
mod ready;
mod slashes;
mod tasks;
mod unread;

use std::sync::Arc;

use access::keyring::Keyring;
use access::meter::Meter;
use access::rates::{Rates, Shared};
use access::refused_bodies::RefusedBodies;
use anyhow::Context;
use eventlog::Log;
use eventlog::embedded::EmbeddedLog;
use eventlog::lag::Lags;
use metrics_exporter_prometheus::PrometheusHandle;
use outbound::Outbound;
use projections::fanout::{Fanout, InProcess, Redis};
use schemas::context::Clock;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::history::ProjectedHistory;
use crate::listen;
use crate::roles::Roles;
use crate::tools::Workbench;
use crate::{admin, observe, storage};
pub(crate) use data::Data;
use data::{Stopped, unless_stopped};
use tasks::Tasks;

/// What the parts of the platform share.
#[derive(Clone)]
pub(crate) struct Platform {
    pub(crate) config: Arc<Config>,
    pub(crate) roles: Roles,
    pub(crate) log: Log,
    /// How far the consumers of [`Platform::consumed`] are behind.
    lags: Arc<Lags>,
    pub(crate) embedded: Option<Arc<EmbeddedLog>>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) fanout: Arc<dyn Fanout>,
    /// None for roles that need no Postgres.
    pub(crate) data: Option<Data>,
    pub(crate) metrics: PrometheusHandle,
    /// What ingest refused; the gateway shows it.
    pub(crate) refused: Arc<RefusedBodies>,
    pub(crate) rates: Arc<Rates>,
    /// How servers that people name are called.
    pub(crate) outbound: Outbound,
    pub(crate) meter: Arc<Meter>,
    pub(crate) shutdown: CancellationToken,
}

impl Platform {
    /// The log for who reads on from where it was: it is seen how far that is behind.
    pub(crate) fn consumed(&self) -> Log {
        self.lags.watch(self.log.clone())
    }
}

/// The clock of a real process.
pub(crate) const CLOCK: Clock = Clock::System;

/// Runs `roles` until SIGTERM or SIGINT.
pub(crate) async fn run(config: Config, roles: Roles) -> anyhow::Result<()> {
    observe::start_logging(&config.log)?;
    let metrics = observe::start_metrics()?;
    warn_of_clear_text(&config);
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("cannot create data folder {}", config.data_dir.display()))?;
    // Ports first: the commonest trouble is told before anything is touched.
    let listeners = edge::Listeners::bind(&config, roles).await?;
    if config.kafka_brokers.is_none() {
        storage::ensure_not_moved(&config)?;
    }
    let (log, embedded) = storage::open(&config, roles).await?;
    let shutdown = CancellationToken::new();
    // Before there is a Postgres of ours, which nobody would stop.
    let mut tasks = Tasks::new(shutdown.clone())?;
    let ground = Ground {
        config,
        roles,
        log: log.clone(),
        embedded,
        metrics,
        shutdown,
    };
    let making = Box::pin(ground.platform(&listeners));
    let made = tasks.beforehand(making).await;
    let ended = match made {
        Ok((platform, postgres)) => {
            let starting = async { start(&platform, listeners, &mut tasks) };
            storage::or_stop(postgres, starting).await?;
            tasks.until_stopped(&log).await
        }
        Err(ended) if ended.is::<Stopped>() => Ok(()),
        Err(failed) => return Err(failed),
    };
    // What was accepted is synced before the process says goodbye.
    log.close().await.context("cannot close the log")?;
    ended
}

/// What is there before anything else of a process.
struct Ground {
    config: Config,
    roles: Roles,
    log: Log,
    embedded: Option<Arc<EmbeddedLog>>,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
}

impl Ground {
    /// The platform, and a Postgres of ours where one had to be started for it.
    async fn platform(
        self,
        listeners: &edge::Listeners,
    ) -> anyhow::Result<(Platform, Option<pgserver::Server>)> {
        let (config, log, shutdown) = (&self.config, &self.log, &self.shutdown);
        let (data, postgres) = match self.roles.need_postgres() {
            true => {
                let anew = self.roles.projections;
                let (data, postgres) = Data::plan(config, log, anew, shutdown).await?;
                (Some(data), postgres)
            }
            false => (None, None),
        };
        let keyring = unless_stopped(shutdown, Box::pin(open_keyring(log, config)));
        let (keyring, postgres) = storage::or_stop(postgres, keyring).await?;
        storage::or_stop(postgres, async { self.with(keyring, data, listeners) }).await
    }

    fn with(
        self,
        keyring: Keyring,
        data: Option<Data>,
        listeners: &edge::Listeners,
    ) -> anyhow::Result<Platform> {
        let (config, log) = (self.config, self.log);
        Ok(Platform {
            keyring: Arc::new(keyring),
            fanout: fanout(&log, &config, &self.shutdown)?,
            rates: Arc::new(rates(&log, &config)?),
            outbound: calls::of(&config, &listeners.ports()?),
            config: Arc::new(config),
            roles: self.roles,
            log,
            lags: Arc::default(),
            embedded: self.embedded,
            data,
            metrics: self.metrics,
            refused: Arc::default(),
            meter: Arc::default(),
            shutdown: self.shutdown,
        })
    }
}

/// Whoever wants it refused sets `SRE_COPILOT_REQUIRE_TLS`, and does not come here.
fn warn_of_clear_text(config: &Config) {
    for found in config.clear_text() {
        let (variable, address, remedy) = (found.variable, found.address, found.remedy);
        tracing::warn!(variable, address, remedy, "is spoken to in clear text");
    }
}

fn start(platform: &Platform, listeners: edge::Listeners, tasks: &mut Tasks) -> anyhow::Result<()> {
    let Platform {
        config,
        roles,
        log,
        shutdown,
        ..
    } = platform;
    listen::write_ports(&config.ports_file(), &listeners.ports()?)?;
    let (keyring, followed, stop) = (platform.keyring.clone(), log.clone(), shutdown.clone());
    tasks.spawn("keyring", async move {
        Ok(keyring.follow(&followed, stop).await?)
    });
    let (meter, noted, stop) = (platform.meter.clone(), log.clone(), shutdown.clone());
    tasks.spawn("meter", async move {
        meter.keep_noting(&noted, &CLOCK, stop).await;
        Ok(())
    });
    let summing = observe::keep_summing(platform.metrics.clone());
    let stop = shutdown.clone();
    tasks.spawn("metrics", async move {
        stop.run_until_cancelled(summing).await;
        Ok(())
    });
    tasks.spawn("lag", lag::keep_looking(platform.clone()));
    tasks.spawn("ready", ready::tell(platform.clone()));
    tasks.spawn("edge", edge::serve(platform.clone(), listeners));
    if roles.workers {
        tasks.spawn(
            "workers",
            workers::run(platform.consumed(), shutdown.clone()),
        );
    }
    if let Some(data) = &platform.data {
        tasks.spawn_ground("data", |end| {
            data::keep(platform.clone(), data.clone(), end)
        });
        tasks.spawn("vault", data::exchange_keys(platform.clone(), data.clone()));
        if roles.workers {
            tasks.spawn("prober", data::probe(platform.clone(), data.clone()));
            tasks.spawn(
                "eraser",
                data::erase_tenants(platform.clone(), data.clone()),
            );
            tasks.spawn("mailer", data::mail(platform.clone(), data.clone()));
        }
        if roles.commands {
            let history = Arc::new(ProjectedHistory::new(data.db.clone()));
            let limits = commands::Limits::default();
            tasks.spawn(
                "commands",
                commands::run(platform.consumed(), history, limits, shutdown.clone()),
            );
        }
        if roles.projections {
            tasks.spawn("projections", data::project(platform.clone(), data.clone()));
            tasks.spawn("compaction", data::compact(platform.clone(), data.clone()));
        }
    }
    if platform.embedded.is_some() {
        let workbench = Workbench::of(platform);
        let (socket, stop) = (config.admin_socket(), shutdown.clone());
        tasks.spawn("admin", async move {
            admin::serve(&socket, workbench, stop).await
        });
    }
    Ok(())
}

async fn open_keyring(log: &Log, config: &Config) -> anyhow::Result<Keyring> {
    let snapshot = config.data_dir.join("keyring.snapshot");
    Keyring::open(log, Some(snapshot))
        .await
        .context("cannot open the keyring")
}

/// Counted in Redis where there is one, by the log that the processes share.
fn rates(log: &Log, config: &Config) -> anyhow::Result<Rates> {
    let shared = config.redis_url.as_deref().map(|url| {
        let prefix = format!("sre-copilot:{}", log.id());
        let authority = redis_authority(config)?;
        Shared::new(url, authority.as_deref(), &prefix).context("configuration: redis_url")
    });
    Ok(Rates::new(config.quotas(), shared.transpose()?))
}

/// Whom Redis' certificate must be signed by, where that is not for the system to say.
fn redis_authority(config: &Config) -> anyhow::Result<Option<Vec<u8>>> {
    let file = config.redis_ca_file.as_ref();
    file.map(|file| std::fs::read(file).with_context(|| format!("cannot read {}", file.display())))
        .transpose()
}

fn fanout(
    log: &Log,
    config: &Config,
    shutdown: &CancellationToken,
) -> anyhow::Result<Arc<dyn Fanout>> {
    Ok(match &config.redis_url {
        Some(url) => {
            let authority = redis_authority(config)?;
            let started = Redis::start(url, authority.as_deref(), log.id(), shutdown);
            Arc::new(started.context("configuration: redis_url")?)
        }
        None => Arc::new(InProcess::default()),
    })
}
