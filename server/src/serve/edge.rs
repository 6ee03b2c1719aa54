//! What this process listens on: ports are bound first, routers built last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use access::telemetry_limits::{Allowance, TelemetryLimits};
use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use gateway::config::{Budget, Config as GatewayConfig, PublicUrl};
use gateway::{Gateway, Surroundings};
use ingest::IngestState;
use ingest::telemetry::syslog::{self, Port};
use ingest::telemetry::{Settings, Telemetry};
use projections::telemetry::metrics::{Limits, Stores};
use tokio::net::TcpListener;

use super::connections::{self, Bounds};
use super::{CLOCK, Platform, ready};
use crate::config::{Config, Registration};
use crate::listen::bind;
use crate::roles::Roles;

/// The bound sockets of one process.
pub(super) struct Listeners {
    http: TcpListener,
    /// The WebSocket's own port, where the gateway runs.
    ws: Option<TcpListener>,
    /// OTLP/gRPC, where agents are taken.
    otlp_grpc: Option<TcpListener>,
    /// Syslog, where agents are taken and it is wanted.
    syslog: Option<TcpListener>,
}

impl Listeners {
    pub(super) async fn bind(config: &Config, roles: Roles) -> anyhow::Result<Self> {
        let http = bind("http_addr", config.http_addr).await?;
        let ws = match roles.gateway {
            true => Some(bind("ws_addr", config.ws_addr).await?),
            false => None,
        };
        let otlp_grpc = match takes_agents(roles) {
            true => Some(bind("otlp_grpc_addr", config.otlp_grpc_addr).await?),
            false => None,
        };
        let syslog = match config.syslog_addr.filter(|_| takes_agents(roles)) {
            Some(address) => Some(bind("syslog_addr", address).await?),
            None => None,
        };
        Ok(Self {
            http,
            ws,
            otlp_grpc,
            syslog,
        })
    }

    pub(super) fn ports(&self) -> anyhow::Result<Vec<(&'static str, SocketAddr)>> {
        let mut ports = vec![("http", self.http.local_addr()?)];
        if let Some(ws) = &self.ws {
            ports.push(("ws", ws.local_addr()?));
        }
        if let Some(otlp_grpc) = &self.otlp_grpc {
            ports.push(("otlp_grpc", otlp_grpc.local_addr()?));
        }
        if let Some(syslog) = &self.syslog {
            ports.push(("syslog", syslog.local_addr()?));
        }
        Ok(ports)
    }
}

/// Serves what the roles need until shutdown.
pub(super) async fn serve(platform: Platform, listeners: Listeners) -> anyhow::Result<()> {
    let shutdown = platform.shutdown.clone();
    let bounds = Bounds::default();
    let http =
        |listener, router| connections::serve(listener, router, bounds.clone(), shutdown.clone());
    let port = listeners.http.local_addr()?.port();
    let agents = takes_agents(platform.roles).then(|| agents(&platform));
    let posts = agents.clone().map(ingest::router).unwrap_or_default();
    let messages = listeners.syslog.zip(agents.clone());
    let calls = async {
        if let Some((otlp_grpc, agents)) = listeners.otlp_grpc.zip(agents) {
            http(otlp_grpc, ingest::grpc_router(agents)).await;
        }
    };
    let syslog = async {
        if let Some((listener, agents)) = messages {
            let key = platform.config.syslog_key.clone();
            let port = Port {
                key: key.map(|key| Arc::new(key.into())),
            };
            syslog::serve(listener, agents, port, shutdown.clone()).await;
        }
    };
    let log = match platform.embedded {
        Some(_) => "embedded",
        None => "kafka",
    };
    let (role, version) = (platform.roles.name, env!("CARGO_PKG_VERSION"));
    let Some(gateway) = build_gateway(&platform, port)? else {
        let address = listeners.http.local_addr()?;
        tracing::info!(role, version, log, "listening on {address}");
        let router = probes(&platform).merge(posts);
        tokio::join!(http(listeners.http, router), calls, syslog);
        return Ok(());
    };
    let url = gateway.config.public_url.origin().to_owned();
    tracing::info!(role, version, log, "listening on {url}");
    // The gateway takes these too: it is what agents outside can reach.
    let posts = gateway::cors::allow(posts, &gateway.config.cors_origins);
    let router = gateway.router().merge(posts);
    let socket = async {
        if let Some(ws) = listeners.ws {
            http(ws, gateway.socket_router()).await;
        }
    };
    let served = async {
        tokio::join!(http(listeners.http, router), socket, calls, syslog);
        Ok(())
    };
    // A log that has failed ends what is served too.
    tokio::try_join!(run(&platform, &gateway), served)?;
    Ok(())
}

/// Runs what stands behind the gateway's routes once its secrets have a place.
async fn run(platform: &Platform, gateway: &Gateway) -> anyhow::Result<()> {
    let stop = platform.shutdown.clone();
    let usable = async {
        match &platform.data {
            Some(data) => data.wait_usable().await,
            None => Ok(()),
        }
    };
    match stop.run_until_cancelled(usable).await {
        None => Ok(()),
        Some(waited) => {
            waited?;
            gateway.run(stop).await
        }
    }
}

fn build_gateway(platform: &Platform, port: u16) -> anyhow::Result<Option<Gateway>> {
    let Some(data) = platform.data.as_ref().filter(|_| platform.roles.gateway) else {
        return Ok(None);
    };
    let config = &platform.config;
    let url = config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://localhost:{port}"));
    let public_url = PublicUrl::parse(&url).context("configuration: public_url")?;
    let mut settings = GatewayConfig::new(public_url);
    settings.registration = match config.registration {
        Registration::Open => gateway::config::Registration::Open,
        Registration::First => gateway::config::Registration::First,
        Registration::Closed => gateway::config::Registration::Closed,
    };
    settings.cors_origins.clone_from(&config.cors_origins);
    let proxies = config.trusted_proxies.iter();
    settings.trusted_proxies = proxies.filter_map(|text| text.parse().ok()).collect();
    settings.mail = config.smtp_url.is_some();
    settings.erased = Some(config.erased_list());
    settings.tenant_erasure_grace = Duration::from_secs(config.tenant_erasure_grace_s.into());
    settings.session_lifetime = Duration::from_secs(config.session_lifetime_s.into());
    settings.telemetry = allowance(config);
    let budget = Budget::new(config.query_memory_bytes);
    let stores = Stores::new(data.db.clone(), store_limits(config)).within(budget.clone());
    settings.query_memory = Some(budget);
    let given = Surroundings {
        config: settings,
        clock: CLOCK,
        log: platform.log.clone(),
        db: data.db.clone(),
        master: data.master.clone(),
        keyring: platform.keyring.clone(),
        fanout: platform.fanout.clone(),
        metrics: Some(platform.metrics.clone()),
        refused: platform.refused.clone(),
        rates: platform.rates.clone(),
        outbound: platform.outbound.clone(),
        meter: platform.meter.clone(),
        metric_stores: Some(Arc::new(stores)),
    };
    Ok(Some(
        Gateway::new(given).context("cannot build the gateway")?,
    ))
}

/// What is kept of segments for the next query is no more than half of what queries hold.
fn store_limits(config: &Config) -> Limits {
    let all = Limits::default();
    let half = usize::try_from(config.query_memory_bytes / 2).unwrap_or(usize::MAX);
    Limits {
        segment_bytes: all.segment_bytes.min(half),
        ..all
    }
}

/// Whether agents send to a process of these roles.
fn takes_agents(roles: Roles) -> bool {
    roles.ingest || roles.gateway
}

/// What agents send to: the same over HTTP and gRPC, with one count of every limit.
fn agents(platform: &Platform) -> Arc<IngestState> {
    let mut state = IngestState::new(platform.log.clone(), platform.keyring.clone(), CLOCK);
    state.refused = platform.refused.clone();
    state.rates = platform.rates.clone();
    state.meter = platform.meter.clone();
    state.webhook_limits.wire = platform.config.ingest_body_bytes;
    state.webhook_limits.decoded = platform.config.ingest_body_bytes;
    let config = &platform.config;
    state.telemetry = Telemetry::new(Settings {
        limits: state.webhook_limits,
        max_age_ms: config.telemetry_max_sample_age_ms,
        allowance: allowance(config),
    });
    state.instance.clone_from(&config.instance);
    let url = config.public_url.as_deref();
    let url = url.and_then(|url| PublicUrl::parse(url).ok());
    state.https = url.is_some_and(|url| url.is_secure());
    Arc::new(state)
}

/// What tenants may send, as ingest holds it and the gateway shows it.
fn allowance(config: &Config) -> Allowance {
    let all = Allowance::default();
    Allowance {
        limits: TelemetryLimits {
            active_series: config.telemetry_active_series,
            active_streams: config.telemetry_active_streams,
            bytes_per_second: config.telemetry_bytes_per_second,
            ..all.limits
        },
        may_raise: config.telemetry_raise_limits,
    }
}

/// `/healthz`, `/readyz` and `/metrics` of a role without a gateway.
fn probes(platform: &Platform) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready::answer))
        .route(
            "/metrics",
            get(|State(p): State<Platform>| async move {
                gateway::process::measure();
                p.metrics.render()
            }),
        )
        .with_state(platform.clone())
}
