//! What a flood of refused requests does to those that are let in: the same valid
//! traffic at the same pace, alone, and beside four times as many forged tokens or keys
//! that nobody has.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::comparison::Place;
use crate::edge::PATH;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Kind, Store};
use crate::{cargo, process};

const ROUNDS: usize = 5;
const SECONDS: usize = 6;
const CONNECTIONS: usize = 16;
/// Of valid requests, a second.
const VALID: usize = 500;
/// Of refused ones.
const REFUSED: usize = 2_000;

/// What clients said at the end.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Told {
    answers: usize,
    seconds: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Told {
    fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
}

/// Valid traffic in one surrounding; what else came, and the server's CPU meanwhile.
struct Seen {
    valid: Told,
    refused: usize,
    cpu: f64,
}

struct Round {
    alone: Seen,
    forged: Seen,
    unknown: Seen,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let program = cargo::paced_clients().await?;
    let server = cargo::server().await?;
    let store = Store::start(Kind::Ours, &server, &place.join("server")).await?;
    let store = store.context("our own server is there")?;
    let token = store.session(1).await?;
    let scene = Scene {
        program,
        address: store.address(),
        server: store.pid()?,
        forged: forged(&token)?,
        token,
    };
    // Warm, so that the first round is like the others.
    scene.play(None).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(Round {
            alone: scene.play(None).await.context("alone")?,
            forged: scene.play(Some(&scene.forged)).await.context("forged")?,
            unknown: scene.play(Some(UNKNOWN)).await.context("unknown")?,
        });
    }
    Ok(section(&rounds))
}

/// Looks like a key, another one each time.
const UNKNOWN: &str = "srec_##########aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Right in everything but the signature, another one each time: it has to be checked.
fn forged(token: &str) -> anyhow::Result<String> {
    let signature = token.rfind('.').context("a token has three parts")?;
    ensure!(token.len() - signature > 40, "the signature is short");
    Ok(format!(
        "{}##########{}",
        &token[..=signature + 10],
        &token[signature + 21..]
    ))
}

struct Scene {
    program: PathBuf,
    address: SocketAddr,
    /// Its process.
    server: u32,
    token: String,
    forged: String,
}

impl Scene {
    async fn play(&self, flood: Option<&str>) -> anyhow::Result<Seen> {
        let mut valid = Clients::connect(self, (VALID, "2"), &self.token).await?;
        let mut refused = match flood {
            Some(token) => Some(Clients::connect(self, (REFUSED, "4"), token).await?),
            None => None,
        };
        let before = process::cpu_seconds(self.server)?;
        if let Some(refused) = &mut refused {
            refused.go().await?;
        }
        valid.go().await?;
        let told = valid.told().await?;
        let refused = match refused {
            Some(refused) => refused.told().await?.answers,
            None => 0,
        };
        Ok(Seen {
            valid: told,
            refused,
            cpu: process::cpu_seconds(self.server)? - before,
        })
    }
}

/// A process of paced clients.
struct Clients {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
    input: ChildStdin,
}

impl Clients {
    /// Connected, and waiting for the word. They ask at `rate` and expect statuses of that `class`.
    async fn connect(
        scene: &Scene,
        (rate, class): (usize, &str),
        token: &str,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(&scene.program);
        command.args([scene.address.to_string(), PATH.to_owned()]);
        command.args([CONNECTIONS, rate, SECONDS].map(|n| n.to_string()));
        command.args([class, token]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn()?;
        let output = process.stdout.take().context("clients without output")?;
        let input = process.stdin.take().context("clients without input")?;
        let mut said = BufReader::new(output).lines();
        ensure!(
            said.next_line().await?.as_deref() == Some("connected"),
            "the clients did not connect"
        );
        Ok(Self {
            process,
            said,
            input,
        })
    }

    async fn go(&mut self) -> anyhow::Result<()> {
        Ok(self.input.write_all(b"go\n").await?)
    }

    async fn told(mut self) -> anyhow::Result<Told> {
        let line = self.said.next_line().await?;
        let told = serde_json::from_str(&line.context("the clients said nothing")?)?;
        ensure!(self.process.wait().await?.success(), "the clients failed");
        Ok(told)
    }
}

/// A figure of what clients said, and a part of a round.
type Figured = fn(&Told) -> f64;
type Part = fn(&Round) -> &Seen;

fn section(rounds: &[Round]) -> Section {
    let ratio = |what, of: fn(&Round) -> &Seen, value: fn(&Told) -> f64, better, first_bar| {
        let pairs = rounds
            .iter()
            .map(|r| (value(&of(r).valid), value(&r.alone.valid)));
        Verdict {
            what,
            measured: Spread::of_ratios(pairs),
            unit: Unit::Ratio,
            better,
            first_bar,
            aim: None,
        }
    };
    let (p99, rate): (Figured, Figured) = (|t| t.p99_ms, Told::rate);
    let (forged, unknown): (Part, Part) = (|r| &r.forged, |r| &r.unknown);
    let mut figures = Vec::new();
    for (name, of) in [
        ("alone", (|r| &r.alone) as Part),
        ("beside forged tokens", forged),
        ("beside unknown keys", unknown),
    ] {
        let micros = |value: fn(&Told) -> f64| {
            Spread::of(rounds.iter().map(|r| value(&of(r).valid) * 1_000.0))
        };
        figures.push(Figure::spread(
            format!("valid, p50, {name}"),
            micros(|t| t.p50_ms),
            "µs",
        ));
        figures.push(Figure::spread(
            format!("valid, p99, {name}"),
            micros(|t| t.p99_ms),
            "µs",
        ));
    }
    let valid = rounds
        .iter()
        .map(|r| r.alone.cpu * 1e6 / r.alone.valid.answers as f64);
    figures.push(Figure::spread(
        "CPU of a valid request",
        Spread::of(valid),
        "µs",
    ));
    for (name, of) in [("forged token", forged), ("unknown key", unknown)] {
        let more = |r: &Round| (of(r).cpu - r.alone.cpu) * 1e6 / of(r).refused as f64;
        let more = Spread::of(rounds.iter().map(more));
        figures.push(Figure::spread(
            format!("CPU of a refused one, {name}"),
            more,
            "µs",
        ));
    }
    Section {
        title: "Valid traffic in a flood of 401",
        method: format!(
            "{VALID} valid requests a second on {CONNECTIONS} connections for {SECONDS} s, an operation \
             that needs leave and no Postgres, alone and while {REFUSED} a second come from another \
             process whose credential is refused: tokens right in all but the signature, another one \
             each time (of which 100 a second are checked and the others told to wait), and keys that \
             nobody has. A time runs from when the question was due. \
             {ROUNDS} rounds, each pair of runs side by side."
        ),
        verdicts: vec![
            ratio(
                "valid p99 beside forged tokens ÷ alone",
                forged,
                p99,
                Better::Lower,
                1.1,
            ),
            ratio(
                "valid p99 beside unknown keys ÷ alone",
                unknown,
                p99,
                Better::Lower,
                1.1,
            ),
            ratio(
                "valid throughput beside forged tokens ÷ alone",
                forged,
                rate,
                Better::Higher,
                0.9,
            ),
            ratio(
                "valid throughput beside unknown keys ÷ alone",
                unknown,
                rate,
                Better::Higher,
                0.9,
            ),
        ],
        figures,
    }
}
