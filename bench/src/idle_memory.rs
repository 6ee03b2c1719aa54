//! Resident memory of the server that nobody uses, without its Postgres.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::{cargo, process};

const ROUNDS: usize = 3;
const START_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);
/// Start-up work is over by then, and tasks that run every second have run.
const IDLE: Duration = Duration::from_secs(15);

struct Round {
    megabytes: f64,
    cpu_percent: f64,
    ready_seconds: f64,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let program = cargo::server().await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(measure(&program, &place.join("data")).await?);
    }
    Ok(section(&rounds))
}

/// Starts the server on the folder (a new one in the first round), and stops it.
async fn measure(program: &Path, data: &Path) -> anyhow::Result<Round> {
    let begun = Instant::now();
    let mut server = start(program, data)?;
    let measured = observe(&server, data, begun).await;
    let stopped = stop(&mut server).await;
    let round = measured?;
    stopped?;
    Ok(round)
}

/// Only what a first start needs is set: everything else is as shipped.
fn start(program: &Path, data: &Path) -> anyhow::Result<Child> {
    std::fs::remove_file(data.join("ports.json")).ok();
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| name == "PATH"));
    command.arg("--data-dir").arg(data);
    command.args(["--http-addr", "127.0.0.1:0", "--ws-addr", "127.0.0.1:0"]);
    command.args(["--otlp-grpc-addr", "127.0.0.1:0", "--log", "warn"]);
    // The server stops its Postgres itself, if it is asked to.
    command
        .kill_on_drop(false)
        .spawn()
        .context("cannot start the server")
}

async fn observe(server: &Child, data: &Path, begun: Instant) -> anyhow::Result<Round> {
    let pid = server.id().context("the server ended at once")?;
    until_ready(pid, data).await?;
    let ready_seconds = begun.elapsed().as_secs_f64();
    let before = process::cpu_seconds(pid)?;
    sleep(IDLE).await;
    let spent = process::cpu_seconds(pid)? - before;
    Ok(Round {
        megabytes: process::resident_bytes(pid)? as f64 / 1e6,
        cpu_percent: spent / IDLE.as_secs_f64() * 100.0,
        ready_seconds,
    })
}

async fn until_ready(pid: u32, data: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        ensure!(
            process::resident_bytes(pid).is_ok(),
            "the server ended before it was ready"
        );
        if is_ready(data).await.unwrap_or(false) {
            return Ok(());
        }
        sleep(POLL).await;
    }
    bail!("the server was not ready within {START_LIMIT:?}")
}

/// Asks `/readyz`; an error where the server does not listen yet.
async fn is_ready(data: &Path) -> anyhow::Result<bool> {
    let ports = std::fs::read(data.join("ports.json"))?;
    let ports: serde_json::Value = serde_json::from_slice(&ports)?;
    let port = ports["http"].as_u64().context("no HTTP port")?;
    let mut socket = TcpStream::connect(("127.0.0.1", u16::try_from(port)?)).await?;
    let request = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

async fn stop(server: &mut Child) -> anyhow::Result<()> {
    if let Some(pid) = server.id() {
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
    }
    let status = server.wait().await?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(())
}

fn section(rounds: &[Round]) -> Section {
    let spread = |value: fn(&Round) -> f64| Spread::of(rounds.iter().map(value));
    Section {
        title: "Idle server",
        method: format!(
            "The release binary with an empty data folder, all roles and a Postgres of its own; resident \
             memory (VmRSS) and CPU of the server process alone, {} s after `/readyz` answered 200. The \
             first start creates the database cluster, the others find it.",
            IDLE.as_secs(),
        ),
        verdicts: vec![Verdict {
            what: "resident memory idle, without Postgres",
            measured: spread(|r| r.megabytes),
            unit: Unit::Megabytes,
            better: Better::Lower,
            first_bar: 250.0,
            aim: Some(150.0),
        }],
        figures: vec![
            Figure::spread("CPU while idle", spread(|r| r.cpu_percent), "% of one core"),
            Figure::spread("start to /readyz", spread(|r| r.ready_seconds), "s"),
        ],
    }
}
