//! The product's `Incident` aggregate on the `postgres-es` crate: the peer of the
//! command comparison. Prints its throughput as one line of JSON.
//!
//! Usage: `postgres-es-peer DATABASE_URL CLIENTS CONNECTIONS SECONDS`

#[allow(dead_code, reason = "the comparisons ask for more")]
#[path = "../../src/latencies.rs"]
mod latencies;
#[path = "../../src/load.rs"]
mod load;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use commands::incident::Incident;
use postgres_es::{PostgresCqrs, postgres_cqrs};
use schemas::context::Context;
use schemas::ids::{CommandId, IncidentId};
use schemas::incident::IncidentCommand;
use schemas::time::Timestamp;
use sqlx::postgres::{PgPool, PgPoolOptions};
use uuid::Uuid;

use load::Load;

/// The same as on the other side.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The table that postgres-es documents in its `db/init.sql`.
const EVENTS: &str = "CREATE TABLE IF NOT EXISTS events (
    aggregate_type text                         NOT NULL,
    aggregate_id   text                         NOT NULL,
    sequence       bigint CHECK (sequence >= 0) NOT NULL,
    event_type     text                         NOT NULL,
    event_version  text                         NOT NULL,
    payload        json                         NOT NULL,
    metadata       json                         NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, clients, connections, seconds] = arguments.as_slice() else {
        anyhow::bail!("usage: postgres-es-peer DATABASE_URL CLIENTS CONNECTIONS SECONDS");
    };
    let pool = connect(url, connections.parse().context("CONNECTIONS")?).await?;
    let load = Load {
        clients: clients.parse().context("CLIENTS")?,
        warm_up: Duration::from_secs(2),
        measured: Duration::from_secs(seconds.parse().context("SECONDS")?),
    };
    // The framework holds one context for all commands; these draw no ids from it.
    let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
    let cqrs = Arc::new(postgres_cqrs::<Incident>(pool, Vec::new(), context));
    let send = move |incident, command| execute(cqrs.clone(), incident, command);
    let measured = load::drive(load, Arc::new(send)).await?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

async fn execute(
    cqrs: Arc<PostgresCqrs<Incident>>,
    incident: IncidentId,
    command: IncidentCommand,
) -> anyhow::Result<()> {
    cqrs.execute(&incident.to_string(), command).await?;
    Ok(())
}

async fn connect(url: &str, connections: u32) -> anyhow::Result<PgPool> {
    let pool = PgPoolOptions::new()
        .min_connections(connections)
        .max_connections(connections)
        .connect(url)
        .await
        .context("cannot connect to Postgres")?;
    sqlx::query(EVENTS)
        .execute(&pool)
        .await
        .context("cannot create the event table")?;
    Ok(pool)
}
