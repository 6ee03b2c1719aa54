//! The gateway as the server wires it, in this process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use access::api_key::{self, NewKey};
use access::keyring::Keyring;
use access::rates::{Quotas, Rates};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord};
use gateway::config::{Config, PublicUrl};
use gateway::{Gateway, Surroundings};
use pgserver::Server;
use projections::fanout::{Fanout, InProcess};
use projections::vault::MasterKey;
use projections::{Db, DbConfig, migrate};
use schemas::api_key::{ApiKeyCreated, ApiKeyEvent};
use schemas::change::Announcement;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::topic::Topic;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::readers::Readers;
use super::{change, cpu_per_message, project};
use crate::comparison::Place;
use crate::postgres;

pub(super) struct Served {
    address: SocketAddr,
    key: NewKey,
    fanout: Arc<InProcess>,
    /// Announcements of a partition follow each other without a hole.
    announced: AtomicI64,
    log: Log,
    postgres: Server,
    stop: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Served {
    pub(super) async fn start(place: &Place) -> anyhow::Result<Self> {
        let (postgres, url) = postgres::start(place, "postgres").await?;
        let database = DbConfig::new(url);
        migrate(&database).await?;
        let log: Log = EmbeddedLog::open(Options::new(place.join("log")))?;
        let key = api_key::generate();
        log.append(vec![created(&key)?]).await?;
        let keyring = Arc::new(Keyring::open(&log, None).await?);
        let fanout = Arc::new(InProcess::default());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let gateway = Gateway::new(Surroundings {
            config: Config::new(PublicUrl::parse(&format!("http://{address}"))?),
            clock: Clock::System,
            log: log.clone(),
            db: Db::connect(&database)?,
            master: MasterKey::generate(),
            keyring: keyring.clone(),
            fanout: fanout.clone(),
            metrics: None,
            refused: Arc::default(),
            metric_stores: None,
            outbound: outbound::Outbound::new(outbound::Guard::default()),
            rates: Arc::new(Rates::new(Quotas::default(), None)),
            meter: Arc::default(),
        })?;
        let stop = CancellationToken::new();
        let tasks = tasks(gateway, keyring, &log, listener, &stop);
        Ok(Self {
            address,
            key,
            fanout,
            announced: AtomicI64::new(0),
            log,
            postgres,
            stop,
            tasks,
        })
    }

    pub(super) async fn measure(&self, program: &Path) -> anyhow::Result<f64> {
        let readers = Readers::start(program, self.address, Some(&self.key.text))?;
        let readers = readers.connected().await?;
        cpu_per_message(readers, async |message| {
            let announcement = self.announcement(message);
            self.fanout.publish(vec![announcement]).await;
            Ok(())
        })
        .await
    }

    fn announcement(&self, message: usize) -> Announcement {
        let from = self.announced.fetch_add(1, Ordering::Relaxed);
        Announcement {
            projection: "incidents".to_owned(),
            topic: Topic::IncidentEvents.name().to_owned(),
            partition: 0,
            from,
            to: from + 1,
            changes: vec![change(message)],
        }
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        self.log.close().await?;
        self.postgres.stop().await
    }
}

fn tasks(
    gateway: Gateway,
    keyring: Arc<Keyring>,
    log: &Log,
    listener: TcpListener,
    stop: &CancellationToken,
) -> JoinSet<anyhow::Result<()>> {
    let mut tasks = JoinSet::new();
    let router = gateway.socket_router();
    let (followed, until) = (log.clone(), stop.clone());
    tasks.spawn(async move { Ok(keyring.follow(&followed, until).await?) });
    let until = stop.clone();
    tasks.spawn(async move { gateway.run(until).await });
    let until = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(until);
        Ok(served.await?)
    });
    tasks
}

/// The fact that makes `key` known to the keyring.
fn created(key: &NewKey) -> anyhow::Result<NewRecord> {
    let context = Context::ambient(&Clock::System);
    let (tenant, project) = project();
    let event = ApiKeyEvent::from(ApiKeyCreated {
        name: "bench".to_owned(),
        project,
        hash: key.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        prefix: key.prefix.clone(),
        scopes: vec!["read".to_owned()],
        expires_at: None,
        service_account: None,
    });
    let scope = Scope::granted(tenant, project, Actor::system("bench"));
    let subject = context.id().to_string();
    let envelope = Envelope {
        time: context.now(),
        sequence: Some(1),
        ..Envelope::of(
            &scope,
            context.id(),
            event.kind(),
            "/commands/api_key",
            subject,
        )
    };
    Ok(NewRecord::of(Topic::IdentityKeys, &envelope, &event)?)
}
