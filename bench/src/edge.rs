//! What the gateway adds to a request: CPU of an authenticated one with everything
//! around it, beside a bare axum handler with the same answer.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use access::keyring::Keyring;
use access::rates::{Quota, Quotas, Rates};
use access::token::{LIFETIME_S, Subject};
use anyhow::{Context as _, ensure};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use eventlog::Log;
use eventlog::embedded::{EmbeddedLog, Options};
use gateway::config::{Config, PublicUrl};
use gateway::{Gateway, Surroundings};
use pgserver::Server;
use projections::fanout::InProcess;
use projections::vault::MasterKey;
use projections::{Db, DbConfig, migrate};
use schemas::context::{Clock, Context};
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::scope::MemberRole;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::{cargo, postgres, process};

const ROUNDS: usize = 7;
const CONNECTIONS: usize = 16;
/// Of each connection in a round.
const REQUESTS: usize = 2_500;
/// An operation that needs leave and asks nothing of Postgres or the log.
pub(crate) const PATH: &str = "/prometheus/api/v1/status/buildinfo";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One round, in seconds of CPU a request.
struct Round {
    gateway: f64,
    bare: f64,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let program = cargo::http_clients().await?;
    let mut tasks = JoinSet::new();
    let served = Served::start(place, &mut tasks).await?;
    let token = served.token().await?;
    let body = served.body(&token).await?;
    let bare = serve_bare(body, &mut tasks).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(Round {
            bare: measure(&program, bare, &token).await.context("bare axum")?,
            gateway: measure(&program, served.address, &token)
                .await
                .context("gateway")?,
        });
    }
    served.stop(tasks).await?;
    Ok(section(&rounds))
}

/// The gateway as the server wires it, with limits that are counted and not reached.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    gateway: Gateway,
    log: Log,
    postgres: Server,
    stop: CancellationToken,
}

impl Served {
    pub(crate) async fn start(place: &Place, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let (postgres, url) = postgres::start(place, "postgres").await?;
        let database = DbConfig::new(url);
        migrate(&database).await?;
        let log: Log = EmbeddedLog::open(Options::new(place.join("log")))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let quota = Some(Quota {
            per_second: 1_000_000,
            burst: 2_000_000,
        });
        let quotas = Quotas {
            caller: quota,
            tenant: quota,
            // As it is by itself.
            visitor: Some(Quota {
                per_second: 100,
                burst: 200,
            }),
            ..Quotas::default()
        };
        let keyring = Arc::new(Keyring::open(&log, None).await?);
        let gateway = Gateway::new(Surroundings {
            config: Config::new(PublicUrl::parse(&format!("http://{address}"))?),
            clock: Clock::System,
            log: log.clone(),
            db: Db::connect(&database)?,
            master: MasterKey::generate(),
            keyring: keyring.clone(),
            fanout: Arc::new(InProcess::default()),
            metrics: None,
            refused: Arc::default(),
            metric_stores: None,
            outbound: outbound::Outbound::new(outbound::Guard::default()),
            rates: Arc::new(Rates::new(quotas, None)),
            meter: Arc::default(),
        })?;
        let stop = CancellationToken::new();
        let (running, until) = (gateway.clone(), stop.clone());
        tasks.spawn(async move {
            running.run(until).await.ok();
        });
        let (followed, until) = (log.clone(), stop.clone());
        tasks.spawn(async move {
            keyring.follow(&followed, until).await.ok();
        });
        let router = gateway.router();
        tasks.spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        Ok(Self {
            address,
            gateway,
            log,
            postgres,
            stop,
        })
    }

    /// A member's access token, once the gateway has its keys.
    pub(crate) async fn token(&self) -> anyhow::Result<String> {
        let context = Context::ambient(&Clock::System);
        let subject = Subject {
            user: UserId(context.id()),
            tenant: TenantId(context.id()),
            project: ProjectId(context.id()),
            role: MemberRole::Viewer,
            tenant_role: MemberRole::Viewer,
            session: context.id(),
        };
        let loaded = async {
            while !self.gateway.tokens.ready() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(READY_WITHIN, loaded)
            .await
            .context("the signing keys were not loaded")?;
        let until = context.now().plus_millis(LIFETIME_S * 1_000);
        Ok(self.gateway.tokens.issue(&subject, until, &context)?)
    }

    pub(crate) async fn stop(self, mut tasks: JoinSet<()>) -> anyhow::Result<()> {
        self.stop.cancel();
        tasks.abort_all();
        self.log.close().await?;
        self.postgres.stop().await?;
        Ok(())
    }

    async fn body(&self, token: &str) -> anyhow::Result<String> {
        let url = format!("http://{}{PATH}", self.address);
        let answer = reqwest::Client::new()
            .get(url)
            .bearer_auth(token)
            .send()
            .await?;
        Ok(answer.error_for_status()?.text().await?)
    }
}

async fn serve_bare(body: String, tasks: &mut JoinSet<()>) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    };
    let router: Router = Router::new().route(PATH, get(answer));
    tasks.spawn(async move {
        axum::serve(listener, router).await.ok();
    });
    Ok(address)
}

/// CPU of this process while the clients ask.
async fn measure(program: &Path, address: SocketAddr, token: &str) -> anyhow::Result<f64> {
    let mut command = Command::new(program);
    command.args([address.to_string(), PATH.to_owned()]);
    command.args([CONNECTIONS.to_string(), REQUESTS.to_string()]);
    command
        .arg(token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut clients = command.kill_on_drop(true).spawn()?;
    let output = clients
        .stdout
        .take()
        .context("the clients have no output")?;
    let mut said = BufReader::new(output).lines();
    ensure!(
        said.next_line().await?.as_deref() == Some("connected"),
        "the clients did not connect"
    );
    let own = std::process::id();
    let before = process::cpu_seconds(own)?;
    let mut input = clients.stdin.take().context("the clients have no input")?;
    input.write_all(b"go\n").await?;
    ensure!(
        said.next_line().await?.as_deref() == Some("answered"),
        "the clients were not answered"
    );
    let spent = process::cpu_seconds(own)? - before;
    ensure!(clients.wait().await?.success(), "the clients failed");
    Ok(spent / (CONNECTIONS * REQUESTS) as f64)
}

fn section(rounds: &[Round]) -> Section {
    let micros = |value: fn(&Round) -> f64| Spread::of(rounds.iter().map(|r| value(r) * 1e6));
    Section {
        title: "A request at the gateway",
        method: format!(
            "{REQUESTS} requests on each of {CONNECTIONS} connections from another process. Ours: an \
             operation that needs leave and no Postgres, with a member's token that was verified before, \
             and everything around it: routing, token and limits, request id, headers. Theirs: axum with \
             one handler, the same requests and body. CPU is user and system time of the serving process.",
        ),
        verdicts: vec![Verdict {
            what: "gateway CPU a request with a cached token ÷ bare axum handler",
            measured: Spread::of_ratios(rounds.iter().map(|r| (r.gateway, r.bare))),
            unit: Unit::Ratio,
            better: Better::Lower,
            first_bar: 1.3,
            aim: None,
        }],
        figures: vec![
            Figure::spread("gateway, CPU a request", micros(|r| r.gateway), "µs"),
            Figure::spread("bare axum, CPU a request", micros(|r| r.bare), "µs"),
        ],
    }
}
