//! Commands a second through the log and the runner, beside the same aggregate
//! on the `postgres-es` crate.

mod clients;
mod history;
mod outcomes;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use commands::Limits;
use eventlog::Log;
use eventlog::embedded::{EmbeddedLog, Options};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::comparison::Place;
use crate::load::{Load, Throughput};
use crate::report::{Better, Figure, Section, Unit, Verdict, short};
use crate::spread::Spread;
use crate::{cargo, load, postgres};
use clients::Clients;
use history::FoldedHistory;

const ROUNDS: usize = 3;
const CLIENTS: usize = 64;
/// The pool that postgres-es makes by default, and one that no client waits for.
const POOLS: [usize; 2] = [10, CLIENTS];
const LOAD: Load = Load {
    clients: CLIENTS,
    warm_up: Duration::from_secs(2),
    measured: Duration::from_secs(8),
};

struct Round {
    ours: Throughput,
    /// One for each of `POOLS`.
    theirs: [Throughput; 2],
}

impl Round {
    fn strongest_peer(&self) -> f64 {
        self.theirs
            .iter()
            .map(|peer| peer.commands_per_second)
            .fold(0.0, f64::max)
    }
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let peer = cargo::postgres_es().await?;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let theirs = run_peer(place, &peer).await?;
        let ours = run_ours(&place.join(&format!("log-{round}"))).await?;
        rounds.push(Round { ours, theirs });
    }
    Ok(section(&rounds))
}

/// Postgres runs only while the peer does, so that its own later work does not
/// fall on us.
async fn run_peer(place: &Place, peer: &Path) -> anyhow::Result<[Throughput; 2]> {
    let (server, url) = postgres::start(place, "postgres").await?;
    let mut measured = Vec::new();
    for connections in POOLS {
        measured.push(peer_throughput(peer, &url, connections).await);
    }
    server.stop().await?;
    let measured = measured.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    measured
        .try_into()
        .map_err(|_| anyhow::anyhow!("one measurement for each pool"))
}

async fn peer_throughput(peer: &Path, url: &str, connections: usize) -> anyhow::Result<Throughput> {
    let mut command = Command::new(peer);
    let seconds = LOAD.measured.as_secs().to_string();
    command.args([
        url,
        &CLIENTS.to_string(),
        &connections.to_string(),
        &seconds,
    ]);
    let run = command
        .output()
        .await
        .context("cannot run the postgres-es peer")?;
    let errors = String::from_utf8_lossy(&run.stderr);
    ensure!(
        run.status.success(),
        "the postgres-es peer failed: {errors}"
    );
    serde_json::from_slice(&run.stdout).context("the postgres-es peer printed no throughput")
}

async fn run_ours(folder: &Path) -> anyhow::Result<Throughput> {
    let log: Log = EmbeddedLog::open(Options::new(folder))?;
    let shutdown = CancellationToken::new();
    let history = FoldedHistory::follow(&log).await?;
    let runner = commands::run(log.clone(), history, Limits::default(), shutdown.clone());
    let runner = tokio::spawn(runner);
    let clients = Clients::connect(&log).await?;
    let measured = load::drive(LOAD, clients.sender()).await;
    shutdown.cancel();
    runner.await??;
    log.close().await?;
    measured
}

fn section(rounds: &[Round]) -> Section {
    let pairs = rounds
        .iter()
        .map(|r| (r.ours.commands_per_second, r.strongest_peer()));
    let ratio = Verdict {
        what: "commands/s, log and runner ÷ postgres-es",
        measured: Spread::of_ratios(pairs),
        unit: Unit::Ratio,
        better: Better::Higher,
        first_bar: 10.0,
        aim: Some(50.0),
    };
    let mut figures = figures_of("log and runner", rounds.iter().map(|r| r.ours).collect());
    for (at, pool) in POOLS.into_iter().enumerate() {
        let side = format!("postgres-es, {pool} connections");
        figures.extend(figures_of(
            &side,
            rounds.iter().map(|r| r.theirs[at]).collect(),
        ));
    }
    Section {
        title: "Commands with 64 clients",
        method: format!(
            "Each of {CLIENTS} clients leads incidents through their life (open, acknowledge, investigate, \
             comment, mitigate, resolve, learn), one command under way at a time, for {} s. Ours: the \
             command is appended to the embedded log, the real runner decides, and the client has seen the \
             durable outcome; a history is folded from the log beside it. Theirs: `execute` of postgres-es \
             0.5 has committed (Postgres with fsync, socket, same folder). The same aggregate code and the \
             same clients on both sides, power-loss durability on both sides. No HTTP and no read model on \
             either. The ratio is to the faster of the two pools.",
            LOAD.measured.as_secs(),
        ),
        verdicts: vec![ratio],
        figures,
    }
}

fn figures_of(side: &str, rounds: Vec<Throughput>) -> Vec<Figure> {
    let spread = |value: fn(&Throughput) -> f64| Spread::of(rounds.iter().map(value));
    let (p50, p99) = (spread(|t| t.p50_ms).median, spread(|t| t.p99_ms).median);
    vec![
        Figure::spread(
            format!("{side}, throughput"),
            spread(|t| t.commands_per_second),
            "commands/s",
        ),
        Figure::new(
            format!("{side}, latency"),
            format!("median {} ms, p99 {} ms", short(p50), short(p99)),
        ),
    ]
}
