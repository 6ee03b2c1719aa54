//! What the gateway adds to a request: CPU of an authenticated one at the whole server,
//! beside a bare axum handler with the same answer.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Kind, Store};
use crate::{cargo, process};

const ROUNDS: usize = 7;
const CONNECTIONS: usize = 16;
/// Of each connection in a round.
const REQUESTS: usize = 2_500;
/// An operation that needs leave and asks nothing of Postgres or the log.
pub(crate) const PATH: &str = "/prometheus/api/v1/status/buildinfo";

/// One round, in seconds of CPU a request.
struct Round {
    server: f64,
    bare: f64,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let program = cargo::http_clients().await?;
    let server = cargo::server().await?;
    let store = Store::start(Kind::Ours, &server, &place.join("server")).await?;
    let store = store.context("our own server is there")?;
    let token = store.session(1).await?;
    let asked = reqwest::Client::new()
        .get(format!("http://{}{PATH}", store.address()))
        .bearer_auth(&token);
    let body = asked.send().await?.error_for_status()?.text().await?;
    let mut tasks = JoinSet::new();
    let bare = serve_bare(body, &mut tasks).await?;
    let own = std::process::id();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(Round {
            bare: measure(&program, (bare, own), &token)
                .await
                .context("bare axum")?,
            server: measure(&program, (store.address(), store.pid()?), &token)
                .await
                .context("server")?,
        });
    }
    tasks.abort_all();
    Ok(section(&rounds))
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

/// CPU a request of the process that listens there, while the clients ask.
async fn measure(
    program: &Path,
    (address, process): (SocketAddr, u32),
    token: &str,
) -> anyhow::Result<f64> {
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
    let before = process::cpu_seconds(process)?;
    let mut input = clients.stdin.take().context("the clients have no input")?;
    input.write_all(b"go\n").await?;
    ensure!(
        said.next_line().await?.as_deref() == Some("answered"),
        "the clients were not answered"
    );
    let spent = process::cpu_seconds(process)? - before;
    ensure!(clients.wait().await?.success(), "the clients failed");
    Ok(spent / (CONNECTIONS * REQUESTS) as f64)
}

fn section(rounds: &[Round]) -> Section {
    let micros = |value: fn(&Round) -> f64| Spread::of(rounds.iter().map(|r| value(r) * 1e6));
    Section {
        title: "A request at the gateway",
        method: format!(
            "{REQUESTS} requests on each of {CONNECTIONS} connections from another process. Ours: the whole \
             server, asked for an operation that needs leave and no Postgres, with a member's token that was \
             verified before, and everything around it: time limits, routing, token, rates that are counted, \
             request id, headers, and whatever the server does meanwhile. Theirs: axum with one handler, the \
             same requests and body. CPU is user and system time of the serving process.",
        ),
        verdicts: vec![Verdict {
            what: "gateway CPU a request with a cached token ÷ bare axum handler",
            measured: Spread::of_ratios(rounds.iter().map(|r| (r.server, r.bare))),
            unit: Unit::Ratio,
            better: Better::Lower,
            first_bar: 1.3,
            aim: None,
        }],
        figures: vec![
            Figure::spread("server, CPU a request", micros(|r| r.server), "µs"),
            Figure::spread("bare axum, CPU a request", micros(|r| r.bare), "µs"),
        ],
    }
}
